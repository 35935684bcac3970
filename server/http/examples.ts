// The small fleet of which all examples of the routes tell: one customer, one hospital, one hole and what is proposed.
import type { z } from 'zod';
import { changeRecord } from '../../shared/change/change.ts';
import type { alertModel } from '../../shared/protocol/alerts.ts';
import { fleetDeployment, type instanceReply, type patchReply } from '../../shared/protocol/fleet.ts';
import { proposalModel } from '../../shared/protocol/fleet-proposals.ts';
import type { RolloutReply, rolloutsReply } from '../../shared/protocol/rollouts.ts';
import type { DeliveryModel, MESSAGE_TYPES, WebhookModel } from '../../shared/protocol/webhooks.ts';
import type { deploymentRecord } from '../../shared/schema/deployment.ts';

export const INSTANCE = '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c11';
/** Isolated, and never heard. */
export const OLD_MILL = '8d0e2f6b-41a7-4c19-8e55-2b7d9c3f6a10';
/** Of a code that waits. */
export const ENROLMENT = '9f86d081884c7d659a2feaa0c55ad015';
export const CUSTOMER = '5b0a4f9e-17b4-4c3a-9a60-6a1a0f0c7d22';
/** Has no instance. */
export const FORMER_CUSTOMER = '9c4de1b2-0c3e-4e0e-8d53-5f7a1c2e9b33';
export const PIN_PROPOSAL = '7c1be6a8-52c1-4c0e-9d1c-0d1e8f4e2a77';
export const DEPLOY_PROPOSAL = '2f6a9d04-8b1d-4f57-a0c3-7be1d5a3c946';
/** What is made by an example has an id that no other example names. */
export const NEW_ID = 'd4f1c7a2-6e0b-4b9d-8c35-1a2b7e9f0c58';
export const POLICY = '0b9d7c6e-3d9c-4f0a-8b57-6a3f6f0d5c21';
export const TOKEN = 'a3c1f0de-52c7-4a55-8d34-0f6f3f1b8c44';
export const WEBHOOK = '6e2d0f7b-9a4c-4d18-b3f5-8c1e7a0d2b64';
/** Where it goes. */
export const RECEIVER = 'https://on-call.example/fairlead';
/** Of an enrolment that nobody has redeemed. */
export const CODE = 'q1Yx0rXGm3bq2cT8kZb7uQ9aL4nV6wEs';
/** Digests of a tree that was uploaded, and of one that is on its way. */
export const TREE = '5e'.repeat(32);
export const NEW_TREE = 'b7'.repeat(32);
/** Digest of the tree at which the patch to `TREE` starts. */
export const OLD_TREE = '1d'.repeat(32);
/** Digest of a tree's bill of materials. */
export const SBOM = '2f'.repeat(32);
/** Metadata that the vendor signed, base64. */
export const SIGNED = 'eyJzaWduZWQiOnt9fQ==';

export const MADE_AT = '2026-11-20T12:01:00.000Z';
export const CHANGED_AT = '2026-11-20T12:08:00.000Z';
const BEGAN_AT = '2026-11-20T12:00:01Z';
const ENDED_AT = '2026-11-20T12:01:00Z';
export const DIGEST = `sha256:${'4f'.repeat(32)}`;
const AUTH = 'core/auth';

const summary = {
  id: INSTANCE,
  name: 'Harbour hospital',
  hostname: 'host',
  agentVersion: '0.1.0',
  enrolled: MADE_AT,
  lastSeen: CHANGED_AT,
  channel: 'auto',
  track: 'stable',
  manifest: DIGEST,
  verdict: 'blocked',
  customer: CUSTOMER,
  revision: 1,
} as const;

const blocker = {
  code: 'quarantined',
  message: 'core/auth 1.2.1 failed here before',
  source: AUTH,
  owner: 'admin',
  clearWith: 'fairlead quarantine lift core/auth --reason "why"',
} as const;

/** Runs what the hole is in: the fix went back once, and waits for a person. */
export const HOSPITAL: z.input<typeof instanceReply> = {
  ...summary,
  report: {
    schema: 'fairlead/report@1',
    sequence: 1,
    at: BEGAN_AT,
    agentVersion: '0.1.0',
    ...{ channel: 'auto', track: 'stable', manifest: DIGEST },
    components: [{ component: AUTH, version: '1.2.0', tree: DIGEST, health: 'healthy' }],
    decision: {
      ...{ verdict: 'blocked', target: null, blockers: [blocker] },
      exposed: [{ advisory: 'FL-2026-0003', severity: 'critical', component: AUTH, version: '1.2.0' }],
    },
  },
};

/** Where somebody may have broken in. */
export const OLD_MILL_SUMMARY = {
  ...{ id: OLD_MILL, name: 'Old mill clinic', hostname: 'host', agentVersion: '0.1.0', enrolled: MADE_AT },
  ...{ lastSeen: null, channel: null, manifest: null, verdict: null },
} as const;

/** As lists have it. */
export const HOSPITAL_SUMMARY: Omit<typeof HOSPITAL, 'report'> = summary;

type Record = z.input<typeof deploymentRecord>;
type Ended = Pick<Record, 'state' | 'previousGeneration' | 'reason' | 'from' | 'steps' | 'failure'>;

function reported(id: number, of: Ended) {
  const { state } = of;
  const stages = [
    { state: 'planned', at: BEGAN_AT },
    { state, at: ENDED_AT },
  ];
  const base = { schema: 'fairlead/record@1', id, generation: id, plan: DIGEST, to: DIGEST, actor: 'agent' };
  return fleetDeployment.parse({
    ...{ instance: INSTANCE, instanceName: summary.name, state, started: BEGAN_AT, updated: ENDED_AT },
    record: { ...base, stages, ...of },
  });
}

export const COMMITTED = reported(1, {
  state: 'committed',
  previousGeneration: null,
  reason: { kind: 'channel' },
  from: null,
  steps: [{ component: AUTH, from: null, to: '1.2.0', change: 'CHG-41' }],
  failure: null,
});

export const ROLLED_BACK = reported(2, {
  state: 'rolled-back',
  previousGeneration: 1,
  reason: { kind: 'forced', advisories: ['FL-2026-0003'] },
  from: DIGEST,
  steps: [{ component: AUTH, from: '1.2.0', to: '1.2.1', change: 'CHG-42' }],
  failure: { code: 'deploy/unhealthy', message: 'core/auth 1.2.1 was not healthy in time' },
});

export const PIN = { kind: 'pin', component: AUTH, version: '~1.2' } as const;

type Proposed = Pick<z.input<typeof proposalModel>, 'kind' | 'asks' | 'wish' | 'reason'> &
  Partial<z.input<typeof proposalModel>>;

/** By a token called admin, to the hospital. */
export function proposed(of: Proposed) {
  return proposalModel.parse({
    ...{ id: NEW_ID, instance_id: INSTANCE, instance_name: summary.name, group: null, policy_id: null },
    ...{ status: 'proposed', revision: 1, proposed_by: 'token admin', answered_at: null, answer: null },
    ...{ created_at: MADE_AT, updated_at: CHANGED_AT, expires_at: '2026-12-20T12:01:00.000Z' },
    ...of,
  });
}

export const PINNING = proposed({
  ...{ id: PIN_PROPOSAL, kind: 'pin', asks: 'pin core/auth at ~1.2', wish: PIN },
  ...{ reason: 'certified with 1.2', status: 'queued' },
  answer: {
    ...{ revision: 1, answer: 'queued', code: null, change: null },
    ...{ text: 'it waits for a person', by: 'policy', at: CHANGED_AT },
  },
});

export const DEPLOYING = proposed({
  ...{ id: DEPLOY_PROPOSAL, kind: 'deploy', asks: 'deploy core/auth@1.2.0' },
  ...{ wish: { kind: 'deploy', release: 'core/auth@1.2.0' }, reason: 'agreed on the phone' },
});

export const NOTHING_PROPOSED = { proposed: 0, waiting: 0, left_out: 0, more: false };

export const PATCH: z.input<typeof patchReply> = {
  advisory: {
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-0003',
    title: 'tokens can be used twice',
    severity: 'critical',
    cves: ['CVE-2026-31337'],
    affected: [{ component: AUTH, versions: '<1.2.1' }],
    fixed: [{ component: AUTH, version: '1.2.1' }],
    order: { notice: 'PT0S', deadline: '2026-11-21T12:00:00Z' },
    published: '2026-11-20T12:00:00Z',
    withdrawn: false,
  },
  exposedCount: 1,
  exposed: [{ instance: INSTANCE, name: summary.name, component: AUTH, version: '1.2.0' }],
};

export const MESSAGES = [
  'alert.deployment-failed',
  'alert.rollback',
  'instance.retired',
] satisfies (typeof MESSAGE_TYPES)[number][];

export const ON_CALL = {
  ...{ id: WEBHOOK, name: 'on-call', url: RECEIVER, types: [...MESSAGES], severity: 'warning' as const },
  ...{ enabled: true, disabled_why: null, failing_since: null, waiting: 1, dropped: 0, rotating_until: null },
  ...{ revision: 1, created_at: MADE_AT, updated_at: MADE_AT },
} satisfies WebhookModel;

/** The first message that was ever made. */
export const DELIVERY = {
  ...{ id: 1, message: `msg_${NEW_ID}`, type: 'alert.rollback', state: 'waiting' as const, attempts: 0 },
  ...{ created_at: CHANGED_AT, due_at: CHANGED_AT, attempted_at: null, status: null, problem: null },
  took_ms: null,
} satisfies DeliveryModel;

export const ALERT: z.input<typeof alertModel> = {
  ...{ id: NEW_ID, kind: 'rollback', severity: 'warning', about: 'core/auth 1.2.0 → 1.2.1' },
  ...{ text: 'core/auth 1.2.0 → 1.2.1: rolled-back: deploy/unhealthy', count: 1 },
  instances: [{ id: INSTANCE, name: summary.name }],
  ...{ first_at: CHANGED_AT, last_at: CHANGED_AT },
};

/** A change that went as far as its release. */
export function changed(number: number, version: string, tree: string) {
  const event = { at: '2026-11-20T12:00:00Z', actor: 'tester', outcome: 'passed', previous: DIGEST };
  const [release, treeRef] = [DIGEST, { digest: tree, files: 1, bytes: 5 }];
  const path = `capabilities/core/auth/${version}.json`;
  const checks = [{ check: 'schema', outcome: 'passed', detail: 'fits' }];
  return changeRecord.parse({
    ...{ schema: 'fairlead/change@1', id: `CHG-${number}`, component: AUTH, version },
    ...{ revision: 'git:1', scope: 'test', release, tree: treeRef, result: 'open' },
    stages: [
      { stage: 'intake', details: {}, ...event },
      { stage: 'build', details: { release, tree: treeRef, reproduced: false }, ...event },
      { stage: 'verification', details: { release, checks }, ...event },
      { stage: 'release', details: { release, path }, ...event },
    ],
  });
}

/** The fix that an emergency order forces, gone back from where it was tried. */
type Offered = z.input<typeof rolloutsReply>['rollouts'][number];
export const ORDERED: {
  readonly offer: Offered;
  readonly fare: Omit<RolloutReply, keyof Offered>;
} = {
  offer: {
    ...{ id: 'CHG-42~FL-2026-0003', change: 'CHG-42', release: 'core/auth@1.2.1', track: null },
    ...{ state: 'offered', start: '2026-11-20T12:00:00Z', last: '2026-11-20T12:00:00Z', halt: null },
  },
  fare: {
    ...{ since: '2026-11-20T12:00:00Z', eligible: 2, offered: 2 },
    counts: { committed: 0, rolledBack: 1, inProgress: 0, failed: 0 },
    next: {
      ...{ at_most_permille: 1_000, needed: null, percent: null },
      why: '1 of 1 install went wrong, more than the 2 % that may: stop it, or find out why first',
    },
    omitted: [{ reason: 'isolated', count: 1 }],
    classes: [],
    findings: [
      {
        ...{ cause: 'rate', class: null },
        text: '1 of 1 deployment went wrong, by chance at most once in 25',
      },
    ],
  },
};
