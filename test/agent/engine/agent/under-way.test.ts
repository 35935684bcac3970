// How long the deployment under way still takes: by its own downloads, and by nobody else's.
import { expect, it } from 'vitest';
import { describeUnderWay } from '../../../../agent/engine/agent/under-way.ts';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { recordOf } from '../../../support/deployments.ts';

type State = Parameters<typeof describeUnderWay>[0];

const [HERE, FIRST, SECOND, AHEAD] = ['here', 'first', 'second', 'ahead'].map(digestOfValue);
/** 2 s before the first stop, 3 s until all was healthy. */
const EARLIER = recordOf(
  1,
  ['planned', 'fetching', 'staged', 'preflight', 'stopping', 'switching', 'starting', 'soaking', 'committed'],
  { from: digestOfValue('before') },
);
const AFTER_IT_MS = 2_000 + 3_000 + 60_000;

/** It fetches two trees, of which these are on their way, with so much time left. */
function fetching(coming: readonly (readonly [string | undefined, number | null])[]) {
  const components = [HERE, FIRST, SECOND].map((tree) => ({ tree }));
  const state = {
    clock: { now: () => instantMs('2026-03-01T10:05:00Z') },
    deployer: {
      // That of the next one would be longer.
      soakMs: async () => 600_000,
      soakInProgressMs: async () => 60_000,
      inProgress: () => recordOf(2, ['planned', 'fetching']),
      records: async () => [EARLIER],
      generations: async () => [{ number: 2, manifest: { components } }],
    },
    offers: { contact: { catalog: () => ({ releases: [] }) } },
    trees: {
      stored: async () => new Set([HERE]),
      transfers: () =>
        coming.map(([tree, leftMs]) => ({
          ...{ tree, way: 'pack', bytes: 1, total: 2 },
          pace: { leftMs, bytesPerSecond: 1, stalledMs: 0 },
        })),
    },
  };
  return describeUnderWay(state as unknown as State);
}

it('is what its downloads still need and what comes after them', async () => {
  const { leftMs } = await fetching([
    [FIRST, 1_000],
    [SECOND, 2_000],
  ]);

  expect(leftMs).toBe(3_000 + AFTER_IT_MS);
});

it('is not told while one of its trees has not begun to come, or says nothing of its end', async () => {
  expect((await fetching([[FIRST, 1_000]])).leftMs).toBeUndefined();
  expect(
    (
      await fetching([
        [FIRST, 1_000],
        [SECOND, null],
      ])
    ).leftMs,
  ).toBeUndefined();
});

it('counts nothing that is fetched ahead for something else', async () => {
  const { leftMs } = await fetching([
    [FIRST, 1_000],
    [AHEAD, 3_600_000],
    [SECOND, 2_000],
  ]);

  expect(leftMs).toBe(3_000 + AFTER_IT_MS);
});
