// What is kept of a deployment that failed: the last words of its services, once, in bounds, and never in the way.
import { describe, expect, it } from 'vitest';
import { progressOf } from '../../../../agent/core/deploy/progress.ts';
import { captureEvidence, withLastLines } from '../../../../agent/engine/deploy/evidence.ts';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import type { Failure } from '../../../../shared/schema/journal.ts';
import { API, AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { recordOf } from '../../../support/deployments.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const AT = '2026-03-01T10:00:00.000Z';

const THREE = deployableOf({ [API]: '1.1.0', [AUTH]: '1.1.0', [WEB]: '1.0.0' });

function failing(log: string, deployable = THREE) {
  const target = { ...deployable, number: 2, healthy: false };
  const asked: unknown[] = [];
  const kept: unknown[] = [];
  const warnings: unknown[] = [];
  const world = { log: log as string | Error, done: false, full: false, failure: null as Failure | null };
  const options = {
    clock: createFakeClock(),
    onWarning: (error: unknown) => void warnings.push(error),
    secrets: { learn: () => undefined },
    traffic: { slotOf: async () => 'green' },
    trees: { directoryOf: () => '/tree' },
    prober: { probe: async () => ({ healthy: false, detail: 'HTTP 503' }) },
    store: {
      dataDirectoryOf: () => '/data',
      async writeEvidence(evidence: unknown) {
        if (world.full) throw new Error('no room');
        kept.push(evidence);
      },
    },
    driver: {
      runs: async () => false,
      status: async (key: string) =>
        key === AUTH ? { kind: 'running', pid: 1 } : { kind: 'exited', detail: 'status 1' },
      async logs(...words: readonly unknown[]) {
        asked.push(words);
        if (world.log instanceof Error) throw world.log;
        return world.log;
      },
    },
  };
  const run = {
    options,
    target,
    record: recordOf(7, ['starting']),
    plan: { start: [API, AUTH] },
    progress: () => ({
      ...progressOf([]),
      failure: world.failure,
      done: new Set(world.done ? ['evidence'] : []),
    }),
    step: (step: unknown, act: () => Promise<void>) => {
      kept.push(step);
      return act();
    },
  };
  return { run: run as never, asked, kept, warnings, world };
}
const failure = (component: Failure['component'] = AUTH): Failure => ({
  ...{ code: 'deploy/unhealthy', message: 'it is unhealthy', component, fault: 'release' },
});
const ENDS = 'it is unhealthy; its log ends: ';

describe('the last words of a service', () => {
  it.each<[string, string, string]>([
    [
      'are its last three lines, without those that are empty',
      'one\ntwo\n\nthree\n  \nfour\n',
      `${ENDS}two | three | four`,
    ],
    ['may be fewer', 'one\n', `${ENDS}one`],
    ['are told without blanks and control characters', '  a\u0007b  \n', `${ENDS}a\ufffdb`],
    ['are none of a silent one', '\n \n', 'it is unhealthy'],
  ])('%s', async (_what, log, message) => {
    const { run, asked } = failing(log);

    expect(await withLastLines(run, 'verifying', failure())).toEqual({ ...failure(), message });
    expect(asked).toEqual([[AUTH, 4096, 'start']]);
  });

  it('have four hundred characters at most', async () => {
    const { run } = failing(['a', 'b', 'c'].map((letter) => letter.repeat(200)).join('\n'));

    const { message } = await withLastLines(run, 'starting', failure());

    expect(
      message
        .slice(ENDS.length)
        .split(' | ')
        .map((line) => line.length),
    ).toEqual([133, 133, 133]);
  });

  it.each<[DeploymentState, boolean]>([
    ['planned', false],
    ['fetching', false],
    ['staged', false],
    ['preflight', false],
    ['stopping', false],
    ['switching', false],
    ['starting', true],
    ['verifying', true],
    ['soaking', true],
    ['rolling-back', false],
  ])(
    'are told or not of a failure while it is %s: only what was started then has said anything',
    async (state, told) => {
      const { run } = failing('why\n');

      expect((await withLastLines(run, state as never, failure())).message).toBe(
        told ? `${ENDS}why` : 'it is unhealthy',
      );
    },
  );

  it('are nobody’s where no component failed, and missed by nobody where they cannot be read', async () => {
    const { run, asked, world } = failing('why\n');
    expect(await withLastLines(run, 'verifying', failure(null))).toEqual(failure(null));
    expect(asked).toEqual([]);

    world.log = new Error('EIO');
    expect(await withLastLines(run, 'verifying', failure())).toEqual(failure());
  });

  it('are those of the slot in which it ran', async () => {
    const { run, asked } = failing('why\n', besides('1.1.0'));

    await withLastLines(run, 'verifying', failure());

    expect(asked).toEqual([['core/auth.green', 4096, 'start']]);
  });

  it('are asked for of a component that is gone by its own name', async () => {
    const { run, asked } = failing('why\n');

    await withLastLines(run, 'verifying', failure('core/mail' as never));

    expect(asked).toEqual([['core/mail', 4096, 'start']]);
  });
});

describe('evidence', () => {
  const log = 'last\u0007words\n';

  it('is taken of all that was to start, with its state, its probe and its log', async () => {
    const { run, kept, asked } = failing(log);

    await captureEvidence(run);

    const words = { log: 'last\ufffdwords\n' };
    expect(kept).toEqual([
      { action: 'evidence', component: null },
      {
        ...{ deployment: 7, at: AT },
        components: [
          { component: API, status: 'exited', health: 'status 1', ...words },
          { component: AUTH, status: 'running', health: 'HTTP 503', ...words },
        ],
      },
    ]);
    expect(asked).toEqual([
      [API, 16 * 1024, 'start'],
      [AUTH, 16 * 1024, 'start'],
    ]);
  });

  it('of what a probe has just found unhealthy is what that said: nobody is served while it is asked again', async () => {
    const { run, kept, world } = failing(log);
    world.failure = { ...failure(AUTH), message: `${ENDS}why` };

    await captureEvidence(run);
    expect(kept.at(-1)).toMatchObject({
      components: [{ health: 'status 1' }, { health: 'it is unhealthy' }],
    });

    world.failure = { ...failure(AUTH), code: 'deploy/exited' };
    await captureEvidence(run);
    expect(kept.at(-1)).toMatchObject({ components: [{ health: 'status 1' }, { health: 'HTTP 503' }] });
  });

  it('is taken once', async () => {
    const { run, kept, world } = failing(log);
    world.done = true;

    await captureEvidence(run);

    expect(kept).toEqual([]);
  });

  it.each(['that cannot be read', 'that cannot be kept'])(
    '%s is a warning, and in nobody’s way',
    async (which) => {
      const { run, warnings, world } = failing(log);
      const error = new Error('EIO');
      if (which === 'that cannot be kept') world.full = true;
      else world.log = error;

      await captureEvidence(run);

      expect(warnings).toEqual([world.full ? new Error('no room') : error]);
    },
  );
});
