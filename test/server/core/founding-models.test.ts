// The founding models: fields of deployments and rollbacks that happened, and of those that are proposed.
import { describe, expect, it } from 'vitest';
import {
  levelOf,
  parseDeploymentId,
  pinOf,
  proposedDeployment,
  proposedRollback,
  reportedDeployment,
  reportedRollback,
} from '../../../server/core/founding-models.ts';
import type { FleetDeployment } from '../../../shared/protocol/fleet.ts';
import type { ProposalModel } from '../../../shared/protocol/fleet-proposals.ts';
import type { DeploymentState } from '../../../shared/schema/deployment.ts';
import { recordOf } from '../../support/reports.ts';

const INSTANCE = '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c11';

function reported(state: DeploymentState, more: object = {}): FleetDeployment {
  return {
    ...{ instance: INSTANCE, instanceName: 'one', state },
    ...{ started: '2026-11-20T12:00:00Z', updated: '2026-11-20T12:01:00Z' },
    record: recordOf(7, state, null, more),
  };
}

function proposed(wish: object, more: Partial<ProposalModel> = {}): ProposalModel {
  return {
    ...{
      id: '7c1be6a8-52c1-4c0e-9d1c-0d1e8f4e2a77',
      kind: 'deploy',
      instance_id: INSTANCE,
      instance_name: 'one',
    },
    ...{ group: null, policy_id: null, status: 'proposed', revision: 1, asks: 'x', wish: wish as never },
    ...{ reason: 'why', proposed_by: 'token fleet', created_at: 'c', updated_at: 'u', expires_at: 'e' },
    ...{ answered_at: null, answer: null, ...more },
  };
}

describe('a deployment', () => {
  it.each([
    ['committed', '2026-11-20T12:01:00Z'],
    ['rolled-back', '2026-11-20T12:01:00Z'],
    ['soaking', null],
  ] as const)('that is %s is completed at %s', (state, completed) => {
    expect(reportedDeployment(reported(state))).toMatchObject({
      ...{ id: `${INSTANCE}-7`, status: state, completed_at: completed },
      ...{ created_at: '2026-11-20T12:00:00Z', updated_at: '2026-11-20T12:01:00Z', error: null },
    });
  });

  it('that failed says why', () => {
    const failure = { code: 'deploy/unhealthy', message: 'core/auth is unhealthy' };

    expect(reportedDeployment(reported('rolled-back', { failure })).error).toBe('core/auth is unhealthy');
  });

  it('that is proposed has begun nothing, and says why it was refused', () => {
    const answer = { text: 'not now' } as ProposalModel['answer'];

    expect(proposedDeployment(proposed({ kind: 'deploy' }))).toMatchObject({
      ...{ status: 'proposed', manifest: null, started_at: null, completed_at: null, error: null },
    });
    expect(proposedDeployment(proposed({ kind: 'deploy' }, { status: 'refused', answer })).error).toBe(
      'not now',
    );
  });

  it('has an id of which both parts can be told', () => {
    expect(parseDeploymentId(`${INSTANCE}-7`)).toEqual({ instance: INSTANCE, record: 7 });
    expect(parseDeploymentId(INSTANCE)).toBeNull();
  });
});

describe('a rollback', () => {
  const steps = [
    { component: 'core/auth', from: '1.1.0', to: '1.0.0', change: null },
    { component: 'core/web', from: '2.0.0', to: null, change: null },
  ];

  it('by an operator leads from what ran to what they chose', () => {
    const reason = { kind: 'rollback', generation: 1 };

    expect(reportedRollback(reported('committed', { reason, steps, note: 'errors' }))).toMatchObject({
      ...{ from_version: 'core/auth@1.1.0, core/web@2.0.0', to_version: 'core/auth@1.0.0', reason: 'errors' },
    });
  });

  it('by itself leads from what was brought to what ran before', () => {
    const failure = { code: 'deploy/unhealthy', message: 'unhealthy' };
    const up = [{ component: 'core/auth', from: '1.0.0', to: '1.1.0', change: null }];

    expect(reportedRollback(reported('rolled-back', { steps: up, failure }))).toMatchObject({
      ...{ from_version: 'core/auth@1.1.0', to_version: 'core/auth@1.0.0', reason: 'unhealthy' },
    });
  });

  it.each([
    [{ kind: 'rollback', to: 4 }, 'generation 4'],
    [{ kind: 'rollback', to: 'core/auth@1.0.0' }, 'core/auth@1.0.0'],
    [{ kind: 'rollback' }, null],
  ])('that is proposed: %j leads to %s', (wish, to) => {
    expect(proposedRollback(proposed(wish))).toMatchObject({ to_version: to, from_version: null });
  });
});

describe('a pin', () => {
  it.each([
    ['platform', 'platform'],
    ['core', 'suite'],
    ['core/auth', 'capability'],
  ])('of %s is on the level %s', (component, level) => {
    expect(levelOf(component)).toBe(level);
    expect(pinOf(proposed({ kind: 'pin', component, version: '~1' }))).toMatchObject({
      level,
      name: component,
      version: '~1',
    });
    expect(pinOf(proposed({ kind: 'unpin', component })).version).toBeNull();
  });
});
