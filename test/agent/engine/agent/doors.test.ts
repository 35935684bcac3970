// The doors of an agent: each act of an operator is in the log before it has an effect, and nothing to run comes in by any.
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { z as schemas } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import {
  applyRequest,
  liftRequest,
  rollbackRequest,
  whatIfRequest,
} from '../../../../shared/protocol/admin.ts';
import { approvalRequest, policyRequest, receiptRequest } from '../../../../shared/protocol/admin-policy.ts';
import { templateRequest, verdictRequest } from '../../../../shared/protocol/proposal.ts';
import { allowanceRequest, settingRequest } from '../../../../shared/protocol/settings.ts';
import { logsRequest, rehearsalRequest, repairRequest } from '../../../../shared/protocol/upkeep.ts';
import { wayRequest } from '../../../../shared/protocol/way.ts';
import { proposal } from '../../../../shared/schema/proposal.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';
import { readSources } from '../../../support/source-tree.ts';

/** 1.0.0 and 1.1.0 were deployed, 1.2.0 waits for a yes, and 1.0.5 is in quarantine. */
async function waiting() {
  const network = createAgentNetwork();
  const { world } = network;
  network.publish(releaseOf('1.0.0', { settings: { port: { type: 'integer', default: 80 } } }));
  await network.start();
  network.publish(releaseOf('1.1.0', { settings: { port: { type: 'integer', default: 80 } } }));
  await network.ask('POST', '/v1/check');
  await settle();
  await network.ask('PUT', '/v1/policy', { edit: { kind: 'channel', channel: 'manual' }, reason: 'slowly' });
  network.publish(releaseOf('1.2.0', { settings: { port: { type: 'integer', default: 80 } } }));
  const { decision } = (await network.ask('POST', '/v1/check')) as { decision: { target: { plan: string } } };
  world.deployer.quarantine.push({
    component: 'core/auth' as never,
    release: 'r',
    version: '1.0.5',
    since: '2026-01-01T00:00:00Z',
    reason: 'unhealthy',
    record: 1,
  });
  const remote = { kind: 'remote', of: ['pin'], standing: 'propose' };
  await network.ask('PUT', '/v1/policy', { edit: remote, reason: 'the vendor may ask' });
  world.vendor.propose({ kind: 'pin', component: 'core/auth', version: '~1.1' });
  await network.ask('POST', '/v1/check');
  await settle();
  world.audit.length = 0;
  return { ...network, plan: decision.target.plan };
}
type Waiting = Awaited<ReturnType<typeof waiting>>;

interface Act {
  readonly name: string;
  readonly ask: (agent: Waiting) => Promise<unknown>;
  readonly event: string;
  readonly details: (agent: Waiting) => object;
}

const ACTS: readonly Act[] = [
  {
    name: 'an apply',
    ask: ({ ask, plan }) => ask('POST', '/v1/apply', { plan, reason: 'why', override: ['window', 'health'] }),
    event: 'apply-requested',
    details: ({ plan }) => ({ plan, reason: 'why', override: 'window, health' }),
  },
  {
    name: 'a rollback to a number, with a risk accepted',
    ask: ({ ask }) => ask('POST', '/v1/rollback', { to: 1, reason: 'why', acceptRisk: ['FL-1', 'FL-2'] }),
    event: 'rollback-requested',
    details: () => ({ to: 1, reason: 'why', acceptedRisk: 'FL-1, FL-2' }),
  },
  {
    name: 'a rollback to a version',
    ask: ({ ask }) => ask('POST', '/v1/rollback', { to: 'core/auth@1.0.0', reason: 'why' }),
    event: 'rollback-requested',
    details: () => ({ to: 'core/auth@1.0.0', reason: 'why', acceptedRisk: '' }),
  },
  {
    name: 'a rollback to wherever it was before',
    ask: ({ ask }) => ask('POST', '/v1/rollback', { reason: 'why' }),
    event: 'rollback-requested',
    details: () => ({ to: null, reason: 'why', acceptedRisk: '' }),
  },
  {
    name: 'a quarantine lifted',
    ask: ({ ask }) => ask('DELETE', '/v1/quarantine/core/auth', { reason: 'why' }),
    event: 'quarantine-lifted',
    details: () => ({ component: 'core/auth', versions: '1.0.5', reason: 'why' }),
  },
  {
    name: 'an approval',
    ask: ({ ask, plan }) =>
      ask('POST', '/v1/approvals', { plan, verdict: 'approve', reason: 'why', ticket: 'OPS-7' }),
    event: 'approval-given',
    details: ({ plan }) => ({
      plan,
      verdict: 'approve',
      by: 'alice',
      reason: 'why',
      ticket: 'OPS-7',
      key: null,
    }),
  },
  {
    name: 'a denial',
    ask: ({ ask, plan }) => ask('POST', '/v1/approvals', { plan, verdict: 'deny', reason: 'why' }),
    event: 'approval-given',
    details: ({ plan }) => ({ plan, verdict: 'deny', by: 'alice', reason: 'why', ticket: null, key: null }),
  },
  {
    name: 'an edit of the policy',
    ask: ({ ask }) =>
      ask('PUT', '/v1/policy', { edit: { kind: 'channel', channel: 'frozen' }, reason: 'why' }),
    event: 'policy-changed',
    details: () => ({ reason: 'why' }),
  },
  {
    name: 'a setting',
    ask: ({ ask }) =>
      ask('PUT', '/v1/settings', { component: 'core/auth', key: 'port', value: '81', reason: 'why' }),
    event: 'policy-changed',
    details: () => ({ reason: 'why', component: 'core/auth', key: 'port' }),
  },
  {
    name: 'a part of the machine that containers may reach',
    ask: ({ ask }) =>
      ask('PUT', '/v1/allowances', {
        component: 'core/auth',
        reach: 'devices',
        allowed: true,
        reason: 'why',
      }),
    event: 'policy-changed',
    details: () => ({ reason: 'why', component: 'core/auth', key: 'devices' }),
  },
  {
    name: 'a proposal accepted',
    ask: ({ ask }) => ask('POST', '/v1/proposals/1/accept', { reason: 'why' }),
    event: 'policy-changed',
    details: () => ({ reason: 'why; proposal 1 of the vendor: it is certified' }),
  },
  {
    name: 'a proposal declined',
    ask: ({ ask }) => ask('POST', '/v1/proposals/1/decline', { reason: 'why' }),
    event: 'proposal-answered',
    details: () => ({ proposal: 1, answer: 'refused', reason: 'alice declined it: why' }),
  },
  {
    name: 'a repair',
    ask: ({ ask }) => ask('POST', '/v1/verify/repair', { reason: 'why' }),
    event: 'repair-requested',
    details: () => ({ reason: 'why' }),
  },
];

/** What an act could have an effect on. */
function effects({ world }: Waiting): string {
  const { deployer, policy, config, approvals, proposals } = world;
  const { records, quarantine, generations } = deployer;
  const state = proposals.value?.entries.map((one) => one.state);
  return JSON.stringify([records, quarantine, generations.length, policy, config, approvals, state]);
}

describe('the log', () => {
  it.each(ACTS)('tells of $name: who, what and why', async ({ ask, event, details }) => {
    const agent = await waiting();

    await ask(agent);

    expect(agent.world.audit[0]).toMatchObject({ event, actor: 'alice', details: details(agent) });
  });

  it.each(ACTS)('that cannot be written keeps $name from having an effect', async ({ ask }) => {
    const agent = await waiting();
    let repaired = false;
    agent.world.deployer.repaired = () => {
      repaired = true;
    };
    const before = effects(agent);
    agent.world.auditError = new FairleadError('audit/damaged', { path: 'log', line: 1, problem: 'changed' });

    expect((await rejectionOf(ask(agent))).code).toBe('audit/damaged');

    await settle();
    expect([effects(agent), repaired]).toEqual([before, false]);
  });
});

describe('a request', () => {
  const PATHS = [
    ...[
      'status',
      'explanation',
      'changes',
      'changes/1',
      'policy',
      'settings',
      'allowances',
      'approvals',
      'audit',
      'advisories',
      'proposals',
    ].map((path) => `GET ${path}`),
    ...['what-if', 'way', 'check', 'apply', 'rollback', 'rollback/rehearsal', 'logs'].map(
      (path) => `POST ${path}`,
    ),
    ...[
      'approvals',
      'approvals/receipts',
      'verify/repair',
      'verify',
      'stage',
      'proposals/1/accept',
      'proposals/1/decline',
      'template',
    ].map((path) => `POST ${path}`),
    ...['PUT policy', 'PUT settings', 'PUT allowances', 'DELETE quarantine/core/auth'],
  ];

  it.each(PATHS)('is known by its whole path and its method alone: %s', async (request) => {
    const { ask } = createAgentNetwork();
    const [method = '', path = ''] = request.split(' ');
    const wrong = [`/v1/${path}/x`, `/x/v1/${path}`, `v1/${path}`];

    const codes = await Promise.all(wrong.map(async (each) => (await rejectionOf(ask(method, each))).code));

    expect(codes).toEqual(wrong.map(() => 'agent/unknown-request'));
    expect((await rejectionOf(ask('PATCH', `/v1/${path}`))).code).toBe('agent/unknown-request');
  });
});

describe('the number in a request', () => {
  const NUMBERED = ['GET changes/N', 'POST proposals/N/accept', 'POST proposals/N/decline'];

  it.each(NUMBERED)('has at most nine digits, and nothing else: %s', async (request) => {
    const { ask } = createAgentNetwork();
    const codeOf = async (number: string) => {
      const [method = '', path = ''] = request.replace('N', number).split(' ');
      return (await rejectionOf(ask(method, `/v1/${path}`, { reason: 'why' }))).code;
    };

    const codes = await Promise.all(['1234567890', '-1', '1.0', '1e3', '0x1', ' 1', 'a', ''].map(codeOf));

    expect(new Set(codes)).toEqual(new Set(['agent/unknown-request']));
    expect(await codeOf('999999999')).toMatch(/^(?:change|proposal)\//);
  });
});

describe('no other way in', () => {
  const REQUESTS: readonly z.ZodType[] = [
    ...[
      applyRequest,
      liftRequest,
      rollbackRequest,
      whatIfRequest,
      approvalRequest,
      policyRequest,
      receiptRequest,
    ],
    ...[allowanceRequest, logsRequest, rehearsalRequest, repairRequest, settingRequest, wayRequest],
    // What the server hands over in its own words.
    ...[verdictRequest, templateRequest, proposal],
  ];

  it('is a request: none carries bytes, an address or a program, nor a path but what containers may reach', () => {
    const keys = REQUESTS.flatMap((request) => keysOf(schemas.toJSONSchema(request, { io: 'input' })));

    // A key that is new here has to be looked at: what would somebody hand over by it?
    expect([...new Set(keys)].sort()).toEqual(
      [
        ...[
          'acceptRisk',
          'assume',
          'at',
          'authority',
          'by',
          'change',
          'channel',
          'component',
          'cron',
          'duration',
          'edit',
        ],
        ...[
          'emergency',
          'expires',
          'from',
          'instance',
          'key',
          'kind',
          'list',
          'name',
          'override',
          'plan',
          'preview',
          'reason',
        ],
        ...[
          'receipt',
          'removeAdded',
          'required',
          'schema',
          'signature',
          'signed',
          'since',
          'statement',
          'target',
          'ticket',
        ],
        ...['to', 'until', 'value', 'verdict', 'version', 'zone'],
        ...['allow', 'allowed', 'deny', 'of', 'reach', 'standing', 'windows'],
        ...['id', 'proposed', 'release', 'revision', 'template', 'wish'],
      ].sort(),
    );
  });

  it('leads to the trees: one file alone gives a directory the name under which it is run', () => {
    const doors = readSources('agent').filter(
      ({ text }) => /rename\(/.test(text) && /join\((?:layout\.)?trees, (?!name, FILES_DIRECTORY)/.test(text),
    );

    expect(doors.map(({ path }) => path)).toEqual([
      'agent/adapters/tree-store/places.ts',
      'agent/adapters/tree-store/repair-tree.ts',
      'agent/adapters/tree-store/tree-store.ts',
    ]);
    const renamesIn = (file: number) =>
      [...(doors[file]?.text.matchAll(/rename\((.+?), (join\(.+?\)|\w+)\)[;.]/g) ?? [])].map(
        ([, from, to]) => `${from} → ${to}`,
      );
    // The others put an entry into a tree under repair, and take names away.
    expect(renamesIn(1)).toEqual(['join(staging, INDEX_FILE) → join(place, INDEX_FILE)', 'made → place']);
    expect(renamesIn(2)).toEqual(['path → join(layout.temporary, aside)']);
  });
});

function keysOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(keysOf)];
}
