// Going back into a hole: refused until every critical advisory is accepted by its name.
import { describe, expect, it } from 'vitest';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

const hole = (id: string, severity: 'critical' | 'high', changes: object = {}) =>
  advisory.parse({
    schema: 'fairlead/advisory@1',
    id,
    title: 'a hole',
    severity,
    affected: [{ component: 'core/auth', versions: '<1.1.0' }],
    fixed: [{ component: 'core/auth', version: '1.1.0' }],
    published: '2026-03-01T09:00:00Z',
    cves: [],
    ...(severity === 'critical' ? { order: { notice: 'PT0S', deadline: '2026-03-01T09:00:00Z' } } : {}),
    ...changes,
  });

/** 1.0.0, then 1.1.0, and these advisories about 1.0.0. */
async function updated(...advisories: readonly ReturnType<typeof hole>[]) {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  network.publish(releaseOf('1.1.0'));
  network.world.catalog = { ...network.world.catalog, advisories };
  await network.ask('POST', '/v1/check');
  await settle();
  const rollback = (body: object = {}) =>
    network.ask('POST', '/v1/rollback', { reason: 'slow pages', ...body });
  return { ...network, rollback };
}

describe('a rollback into an open critical advisory', () => {
  it('is refused, and the refusal names what to accept', async () => {
    const { world, rollback } = await updated(hole('FL-2026-0001', 'critical'));

    const refusal = await rejectionOf(rollback());

    expect(dataOf(refusal, 'rollback/exposes')).toMatchObject({
      generation: 1,
      accept: '--accept-risk FL-2026-0001',
    });
    expect(world.audit.some(({ event }) => event === 'rollback-requested')).toBe(false);
    expect(world.deployer.records).toHaveLength(2);
  });

  it('needs each of them named', async () => {
    const { rollback } = await updated(hole('FL-2026-0001', 'critical'), hole('FL-2026-0002', 'critical'));

    const refusal = await rejectionOf(rollback({ acceptRisk: ['FL-2026-0001'] }));

    expect(dataOf(refusal, 'rollback/exposes').accept).toBe(
      '--accept-risk FL-2026-0001 --accept-risk FL-2026-0002',
    );
  });

  it('goes on once it is accepted, on the record', async () => {
    const { world, rollback } = await updated(hole('FL-2026-0001', 'critical'));

    await rollback({ acceptRisk: ['FL-2026-0001'] });
    await settle();

    expect(world.deployer.records.at(-1)).toMatchObject({ reason: { kind: 'rollback' } });
    expect(world.audit.find(({ event }) => event === 'rollback-requested')?.details).toMatchObject({
      acceptedRisk: 'FL-2026-0001',
    });
  });
});

describe('a rollback', () => {
  it.each([
    ['an advisory that is not critical', hole('FL-2026-0001', 'high')],
    ['an advisory that was withdrawn', hole('FL-2026-0001', 'critical', { withdrawn: true })],
    [
      'an advisory about other versions',
      hole('FL-2026-0001', 'critical', { affected: [{ component: 'core/auth', versions: '0.x' }] }),
    ],
  ])('is not stopped by %s', async (_what, open) => {
    const { world, rollback } = await updated(open);

    await rollback();
    await settle();

    expect(world.deployer.records.at(-1)).toMatchObject({ reason: { kind: 'rollback' } });
  });
});
