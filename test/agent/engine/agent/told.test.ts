// What the log is told of the rules on disk: each change once and in order, whoever made it, and again where it may not have arrived.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../../agent/core/audit-chain.ts';
import { createLedger } from '../../../../agent/engine/agent/ledger.ts';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ConfigState, PolicyState } from '../../../../shared/policy/local-state.ts';
import { type InstanceConfig, instanceConfig } from '../../../../shared/schema/instance.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { recordOf } from '../../../support/deployments.ts';

const FROZEN: Policy = { ...DEFAULT_POLICY, channel: 'frozen' };
const MANUAL: Policy = { ...DEFAULT_POLICY, channel: 'manual' };
const configOf = (track: string): InstanceConfig =>
  instanceConfig.parse({ schema: 'fairlead/instance@1', track, suites: {} });
const [STABLE, CANDIDATE] = [configOf('stable'), configOf('candidate')];
const digest = (value: object) => digestOfValue(JSON.parse(JSON.stringify(value)));
const BY_HAND = 'found on disk, not made through the agent';
const CONFIG_BY_HAND = 'the instance configuration, found on disk';
const EDIT: AuditEvent = { event: 'policy-changed', actor: 'ada', details: { edit: 'an edit' } };

function telling(told: readonly AuditEvent[] = []) {
  const audit: AuditEvent[] = [...told];
  const disk = {
    policy: DEFAULT_POLICY as Policy | string,
    config: STABLE as InstanceConfig | string,
    fails: null as unknown,
  };
  const said: object[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void said.push({ level, message, ...fields });
  const ledger = createLedger({
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    audit: {
      verify: async () => undefined,
      entries: async () => audit as never,
      read: () => Promise.reject(new Error('nobody asks')),
      head: () => Promise.reject(new Error('nobody asks')),
      // An effect takes its time: one that nobody waits for is missed.
      async append(event) {
        await later();
        if (disk.fails !== null) throw disk.fails;
        audit.push(event);
      },
    },
    settings: {
      async look(see: (state: { policy: PolicyState; config: ConfigState }) => Promise<void>) {
        const policy: PolicyState =
          typeof disk.policy === 'string'
            ? { kind: 'unreadable', problem: disk.policy }
            : { kind: 'readable', policy: disk.policy };
        const config: ConfigState =
          typeof disk.config === 'string'
            ? { kind: 'unreadable', problem: disk.config, hint: '' }
            : { kind: 'readable', config: disk.config };
        await see({ policy, config });
      },
    } as never,
  });
  let heard = told.length;
  const news = () => {
    const fresh = audit.slice(heard);
    heard = audit.length;
    return fresh;
  };
  return { ledger, disk, said, audit, news };
}

/** An agent that has begun. */
async function begun() {
  const log = telling();
  await log.ledger.noteStart({});
  log.news();
  return log;
}

describe('the start', () => {
  it('is told with what is known of it, and which rules were found', async () => {
    const { ledger, news } = telling();

    await ledger.noteStart({ version: '1.0.0', previousEnd: 'watchdog' });

    expect(news()).toEqual([
      {
        event: 'agent-started',
        actor: 'agent',
        details: {
          ...{ version: '1.0.0', previousEnd: 'watchdog' },
          ...{ policy: digest(DEFAULT_POLICY), config: digest(STABLE) },
        },
      },
    ]);
  });

  it('with rules that cannot be read names none, and why', async () => {
    const { ledger, disk, news, said } = telling();
    Object.assign(disk, { policy: 'no JSON', config: 'no JSON either' });

    await ledger.noteStart({});

    expect(news()).toEqual([
      { event: 'policy-unreadable', actor: 'agent', details: { problem: 'no JSON' } },
      { event: 'agent-started', actor: 'agent', details: { policy: null, config: null } },
    ]);
    expect(said).toEqual([
      { level: 'error', message: 'the policy cannot be read: frozen', problem: 'no JSON' },
    ]);
  });

  it('finds what was changed since the log was last told, before it says that it began', async () => {
    const first = await begun();
    await first.ledger.noteStart({});
    const { ledger, disk, news } = telling(first.news());
    disk.policy = FROZEN;
    disk.config = CANDIDATE;

    await ledger.noteStart({});

    expect(news()).toMatchObject([
      {
        event: 'policy-changed',
        actor: 'agent',
        details: { edit: BY_HAND, policy: digest(FROZEN), changes: '' },
      },
      {
        event: 'policy-changed',
        actor: 'agent',
        details: { edit: CONFIG_BY_HAND, config: digest(CANDIDATE) },
      },
      { event: 'agent-started', details: { policy: digest(FROZEN), config: digest(CANDIDATE) } },
    ]);
  });

  it('believes the newest line that names a rule, and no line that names none', async () => {
    const started = (policy: unknown): AuditEvent => ({
      ...{ event: 'agent-started', actor: 'agent' },
      details: { policy: policy as string, config: digest(STABLE) },
    });
    const { ledger, disk, audit } = telling([
      started(digest(DEFAULT_POLICY)),
      started(digest(FROZEN)),
      started(null),
      { event: 'approval-given', actor: 'ada', details: { plan: 'x' } },
    ]);
    disk.policy = FROZEN;

    await ledger.noteLocal();
    expect(audit).toHaveLength(4);

    const other = telling([started('no digest')]);
    await other.ledger.noteLocal();
    expect(other.audit).toHaveLength(1);
  });
});

describe('what a hand changed', () => {
  it('is told with the difference, once', async () => {
    const { ledger, disk, news, said } = await begun();
    disk.policy = FROZEN;

    await ledger.noteLocal();
    await ledger.noteLocal();

    const changes = '- channel: "auto"; + channel: "frozen"';
    expect(news()).toEqual([
      {
        ...{ event: 'policy-changed', actor: 'agent' },
        details: { edit: BY_HAND, policy: digest(FROZEN), changes },
      },
    ]);
    expect(said).toEqual([{ level: 'warn', message: 'the policy was changed past the agent', changes }]);
  });

  it('in the configuration is told, once, and one that cannot be read is not', async () => {
    const { ledger, disk, news } = await begun();
    disk.config = 'no JSON';
    await ledger.noteLocal();
    disk.config = CANDIDATE;

    await ledger.noteLocal();
    await ledger.noteLocal();

    expect(news()).toEqual([
      {
        ...{ event: 'policy-changed', actor: 'agent' },
        details: { edit: CONFIG_BY_HAND, config: digest(CANDIDATE) },
      },
    ]);
  });

  it('so that it cannot be read is told once each time', async () => {
    const { ledger, disk, news } = await begun();
    const look = async (policy: Policy | string) => {
      disk.policy = policy;
      await ledger.noteLocal();
      await ledger.noteLocal();
      return news().map(({ event, details }) => details.problem ?? event);
    };

    expect(await look('no JSON')).toEqual(['no JSON']);
    expect(await look(DEFAULT_POLICY)).toEqual([]);
    expect(await look('no JSON')).toEqual(['no JSON']);
    expect(await look('nothing at all')).toEqual([]);
  });
});

describe('an edit through the agent', () => {
  it('is told with what the policy is from then on, and not told again as found', async () => {
    const { ledger, disk, news } = await begun();

    await ledger.recordEdit(DEFAULT_POLICY, MANUAL, EDIT);
    disk.policy = MANUAL;
    await ledger.noteLocal();

    expect(news()).toEqual([{ ...EDIT, details: { edit: 'an edit', policy: digest(MANUAL) } }]);
    disk.policy = FROZEN;
    await ledger.noteLocal();
    expect(news()[0]?.details.changes).toBe('- channel: "manual"; + channel: "frozen"');
  });

  it('of the configuration likewise', async () => {
    const { ledger, disk, news } = await begun();

    await ledger.recordConfigEdit(STABLE, CANDIDATE, EDIT);
    disk.config = CANDIDATE;
    await ledger.noteLocal();

    expect(news()).toEqual([{ ...EDIT, details: { edit: 'an edit', config: digest(CANDIDATE) } }]);
  });

  it('comes after what a hand had changed before it, in the policy and the configuration', async () => {
    const { ledger, news } = await begun();

    await ledger.recordEdit(FROZEN, MANUAL, EDIT);
    await ledger.recordConfigEdit(CANDIDATE, STABLE, EDIT);

    expect(news().map(({ details }) => details.edit)).toEqual([
      BY_HAND,
      'an edit',
      CONFIG_BY_HAND,
      'an edit',
    ]);
  });

  it('before the log was read is told all the same', async () => {
    const { ledger, news } = telling();

    await ledger.recordEdit(FROZEN, MANUAL, EDIT);
    await ledger.recordConfigEdit(CANDIDATE, STABLE, EDIT);

    expect(news().map(({ details }) => details.edit)).toEqual(['an edit', 'an edit']);
  });

  it('that the log refuses does not happen, and what the log knows is asked again', async () => {
    const { ledger, disk, audit, news } = await begun();
    disk.fails = new FairleadError('disk/full', { path: 'log', needed: 1, free: 0 });
    await expect(ledger.recordEdit(DEFAULT_POLICY, MANUAL, EDIT)).rejects.toBe(disk.fails);
    await expect(ledger.recordConfigEdit(STABLE, CANDIDATE, EDIT)).rejects.toBe(disk.fails);
    disk.fails = null;
    // The line stands there all the same.
    audit.push({ ...EDIT, details: { policy: digest(MANUAL), config: digest(STABLE) } });

    await ledger.noteLocal();

    expect(news().slice(1)).toMatchObject([{ details: { edit: BY_HAND, policy: digest(DEFAULT_POLICY) } }]);
  });
});

describe('a deployment', () => {
  it('is told with who, why and what became of it', async () => {
    const { ledger, news } = telling();
    const failure = { code: 'deploy/unhealthy', message: 'HTTP 503' };
    const adopted = [
      { component: 'core/auth' as never, key: 'token' },
      { component: 'core/api' as never, key: 'port' },
    ];
    const begunWith = { actor: 'ada', reason: { kind: 'manual' as const }, adopted };
    const record = recordOf(3, ['planned', 'rolled-back'], { ...begunWith, failure });

    await ledger.noteDeployments([record, recordOf(4, ['planned'])]);

    expect(news()).toEqual([
      {
        event: 'deployment-started',
        actor: 'ada',
        details: {
          ...{ change: 3, plan: record.plan, reason: 'manual' },
          settings: 'core/auth token, core/api port',
        },
      },
      {
        ...{ event: 'deployment-ended', actor: 'ada' },
        details: { change: 3, state: 'rolled-back', failure: 'deploy/unhealthy' },
      },
      {
        ...{ event: 'deployment-started', actor: 'agent' },
        details: { change: 4, plan: recordOf(4, []).plan, reason: 'channel' },
      },
    ]);
  });
});

describe('a log that cannot be continued', () => {
  it.each([
    [
      new FairleadError('audit/damaged', { path: 'log', line: 3, problem: 'changed' }),
      expect.stringContaining('line 3'),
    ],
    [new TypeError('a bug'), 'the audit log cannot be written'],
  ])('is a problem until it can, and stops nothing: %s', async (error, problem) => {
    const { ledger, disk, said, news } = await begun();
    const noted: AuditEvent = { event: 'agent-stopped', actor: 'agent', details: {} };
    expect(ledger.problem()).toBeNull();
    disk.fails = error;

    await ledger.note(noted);
    await ledger.noteDeployments([recordOf(1, ['planned'])]);
    disk.policy = FROZEN;
    await ledger.noteLocal();
    await ledger.noteStart({});

    expect(ledger.problem()).toEqual(problem);
    const message = 'the audit log could not be continued';
    expect(said).toEqual(
      ['agent-stopped', 'deployment-ended', 'policy-changed', 'agent-started'].map((event) => ({
        ...{ level: 'error', message, event, err: error },
      })),
    );
    await expect(ledger.record(noted)).rejects.toBe(error);
    disk.fails = null;
    await ledger.note(noted);
    expect(ledger.problem()).toBeNull();
    expect(news()).toEqual([noted]);
  });
});
