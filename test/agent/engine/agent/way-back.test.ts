// The way to a version that ran here: planned and rolled back to by the same rules, with the same plan.
import { describe, expect, it } from 'vitest';
import { rollbackPlan } from '../../../../agent/core/deploy/rollback-target.ts';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { renderWay } from '../../../../shared/present/way.ts';
import { wayReply } from '../../../../shared/protocol/way.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { settle } from '../../../support/fake-clock.ts';

const HOLE = advisory.parse({
  schema: 'fairlead/advisory@1',
  id: 'FL-2026-0001',
  title: 'a hole',
  severity: 'critical',
  affected: [{ component: 'core/auth', versions: '<1.1.0' }],
  fixed: [{ component: 'core/auth', version: '1.1.0' }],
  published: '2026-03-01T09:00:00Z',
  cves: [],
  order: { notice: 'PT0S', deadline: '2026-03-01T09:00:00Z' },
});

const same = (text: string) => text;
const STYLE = { bold: same, good: same, warn: same, bad: same, dim: same };

/** 1.0.0, then 1.1.0. */
async function updated(...advisories: readonly (typeof HOLE)[]) {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  network.publish(releaseOf('1.1.0'));
  network.world.catalog = { ...network.world.catalog, advisories };
  await network.ask('POST', '/v1/check');
  await settle();
  const wayTo = async (target: string) => wayReply.parse(await network.ask('POST', '/v1/way', { target }));
  return { ...network, wayTo };
}

describe('the way to a version that ran here', () => {
  it('names the rollback that goes there, with its plan', async () => {
    const { world, wayTo } = await updated();
    const [first, current] = world.deployer.generations;

    const { back, ...way } = await wayTo('core/auth@1.0.0');

    expect(back).toMatchObject({
      generation: first?.number,
      problem: null,
      command: 'fairlead rollback --to core/auth@1.0.0 --reason "why"',
    });
    expect(digestOfValue(back?.plan ?? null)).toBe(digestOfValue(rollbackPlan(current!, first!)));
    expect(renderWay({ ...way, ...(back && { back }) }, STYLE).join('\n')).toContain(back?.command);
  });

  it('says why the rollback would be refused, as the rollback does', async () => {
    const { wayTo } = await updated(HOLE);

    const { back } = await wayTo('core/auth@1.0.0');

    expect(back?.problem).toContain('FL-2026-0001');
  });

  it('is none to what runs', async () => {
    const { wayTo } = await updated();

    expect((await wayTo('core/auth@1.1.0')).back).toBeUndefined();
  });
});
