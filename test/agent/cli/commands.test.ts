// The operator's commands against a running agent: what they print, what they ask, how they exit.
import { describe, expect, it } from 'vitest';
import { advisories } from '../../../agent/cli/commands/advisories.ts';
import { apply, rollback } from '../../../agent/cli/commands/apply.ts';
import { approve, deny, listApprovals } from '../../../agent/cli/commands/approvals.ts';
import { change, changes } from '../../../agent/cli/commands/changes.ts';
import { check, explain } from '../../../agent/cli/commands/explain.ts';
import { hold, release } from '../../../agent/cli/commands/hold.ts';
import { plan } from '../../../agent/cli/commands/plan.ts';
import { addPin, checkPolicy, listPins, removePin, setChannel } from '../../../agent/cli/commands/policy.ts';
import { liftQuarantine } from '../../../agent/cli/commands/quarantine.ts';
import { status } from '../../../agent/cli/commands/status.ts';
import { verify } from '../../../agent/cli/commands/verify.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ExplanationReply } from '../../../shared/protocol/admin.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import { advisoryDetails } from '../../../shared/schema/advisory-details.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { releaseOf } from '../../support/agent-network.ts';
import { AUTH } from '../../support/deploy-releases.ts';
import { dataOf, refusedCode, rejectionOf } from '../../support/error-code.ts';
import { settle } from '../../support/fake-clock.ts';
import { atTerminal } from '../../support/terminal.ts';

const AT = '2026-03-01T10:00:00Z';
const HOUR_MS = 3_600_000;

it('answers in JSON drive no terminal, whatever stands in a file', async () => {
  const { context, printed, json, world } = await atTerminal('auto', { json: true });
  const reason = 'surgery \u009b31m\u202e\u{e0041}';
  const hold = { since: '2026-01-01T00:00:00Z', until: '2036-01-01T00:00:00Z', reason, by: 'ops' };
  world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, hold } };

  await status(context);

  expect(printed.join('')).not.toMatch(/[\u0080-\u009f\u202e]|\u{e0041}/u);
  expect(json().hold.reason).toBe(reason);
});

describe('status', () => {
  it('says the verdict first, then what runs', async () => {
    const { context, lines } = await atTerminal('auto');

    expect(await status(context)).toBe(0);

    expect(lines()[0]).toMatch(/^current: /);
    expect(lines()).toContainEqual(expect.stringMatching(/core\/auth +1\.0\.0 +healthy +running \(pid 7\)/));
  });

  it('never says current without doubt when the vendor’s data has expired', async () => {
    const { context, world, lines } = await atTerminal('auto');
    world.freshness = { state: 'expired', expires: world.clock.now() - 1 };

    await status(context);

    expect(lines()[0]).toMatch(/^blocked: .*expired/);
  });

  it('puts exposure before everything else', async () => {
    const { context, world, lines, publish, ask } = await atTerminal('frozen');
    world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel: 'auto' } };
    await ask('POST', '/v1/check');
    await world.clock.advance(1000);
    const { advisory } = await import('../../../shared/schema/advisory.ts');
    const open = advisory.parse({
      schema: 'fairlead/advisory@1',
      id: 'FL-2026-0009',
      title: 'a hole',
      severity: 'high',
      affected: [{ component: 'core/auth', versions: '1.x' }],
      fixed: [],
      published: '2026-03-01T09:00:00Z',
      cves: [],
    });
    world.catalog = { ...world.catalog, advisories: [open] };
    publish();
    await ask('POST', '/v1/check');

    await status(context);

    expect(lines()[0]).toMatch(/^EXPOSED to FL-2026-0009; current/);
  });

  it('prints one versioned JSON value when asked to', async () => {
    const { context, json } = await atTerminal('auto', { json: true });

    await status(context);

    expect(json()).toMatchObject({
      schema: 'fairlead/status@1',
      decision: { verdict: 'current' },
      components: [{ component: 'core/auth', version: '1.0.0' }],
    });
  });
});

describe('check', () => {
  it('exits 0 when nothing is new, 10 when something is, 20 when something stands against it', async () => {
    const current = await atTerminal('auto');
    const waiting = await atTerminal('manual');
    const frozen = await atTerminal('frozen');

    expect(await check(current.context)).toBe(0);
    expect(await check(waiting.context)).toBe(10);
    expect(await check(frozen.context)).toBe(20);
  });
});

describe('check without an answer', () => {
  it.each([
    [
      'could not be asked',
      3,
      new FairleadError('transport/refused', {
        url: 'https://vendor.example',
        status: 502,
        problem: 'bad gateway',
      }),
    ],
    [
      'was not believed',
      5,
      new FairleadError('trust/rollback', { role: 'timestamp', trusted: 7, offered: 5 }),
    ],
  ])('says first that the server %s, and exits %i', async (what, exit, error) => {
    const { context, world, lines } = await atTerminal('auto');
    world.serverError = error;

    expect(await check(context)).toBe(exit);

    expect(lines()[0]).toMatch(new RegExp(`^the server ${what}: `));
    expect(lines()).toContainEqual(expect.stringMatching(/^current/));
  });
});

describe('plan and explain', () => {
  it('show what would move, why, and the command that clears what stands against it', async () => {
    const { context, lines } = await atTerminal('frozen');

    await plan(context);
    await explain(context, {});

    expect(lines()).toContainEqual(
      expect.stringMatching(/core\/auth +none +1\.0\.0 +latest +at most 100 B +undeclared/),
    );
    expect(lines()).toContainEqual(expect.stringMatching(/channel-frozen; admin clears it/));
    expect(lines()).toContainEqual(expect.stringContaining('fairlead apply --reason "why"'));
  });

  it('keep hostile text of the vendor harmless', async () => {
    const { context, world, printed, publish, ask } = await atTerminal('auto');
    world.serverError = new FairleadError('transport/refused', {
      url: 'https://vendor.example',
      status: 500,
      problem: 'no\u001b]0;owned\u0007\u202eevil',
    });
    publish();
    await ask('POST', '/v1/check');

    await explain(context, {});

    expect(printed.join('\n')).not.toMatch(/[\u001b\u0007\u202e]/);
  });
});

describe('what is under way', () => {
  it('is the verdict of check, plan and status, and no reason against itself', async () => {
    const { context, world, lines, ask, printed } = await atTerminal('manual');
    world.deployer.slow = true;
    await ask('POST', '/v1/apply', { reason: 'x' });

    const exit = await check(context);
    await plan(context);
    await status(context);

    expect(exit).toBe(10);
    expect(lines().filter((line) => line === 'change 1 is starting')).toHaveLength(3);
    expect(lines()).toContain('follow it: fairlead change 1 --watch');
    expect(printed.join()).toMatch(/Under way: plan sha256:/);
    expect(printed.join()).not.toContain('deployment-in-progress');
  });
});

describe('what is being fetched', () => {
  const coming = {
    ...({ way: 'patch', bytes: 12_000, total: 40_000 } as const),
    pace: { bytesPerSecond: 4_000, leftMs: 7_000, stalledMs: 0 },
  };
  const fetching = async (overrides: Parameters<typeof atTerminal>[1] = {}) => {
    const terminal = await atTerminal('manual', overrides);
    const { tree } = releaseOf('1.0.0').document;
    terminal.world.transfers = [{ tree: tree.digest, ...coming }];
    return terminal;
  };

  it('stands in the status, with how much, how fast and how long still', async () => {
    const { context, lines } = await fetching();

    await status(context);

    expect(lines()).toContain('fetching core/auth 1.0.0, as a patch: 12.0 kB of 40.0 kB, 4.0 kB/s, 7s left');
  });

  it('is one list of whole numbers for programs', async () => {
    const { context, json } = await fetching({ json: true });

    await status(context);

    const { tree: _, pace, ...told } = { tree: '', ...coming };
    expect(json().transfers).toEqual([{ what: 'core/auth 1.0.0', ...told, ...pace }]);
  });

  it('shows beside a deployment that is followed, and with no other', async () => {
    const { context, world, shown, ask, json } = await fetching({ json: true });
    world.deployer.slow = true;
    await ask('POST', '/v1/apply', { reason: 'x' });
    const followed = change(context, 1, { watch: true });
    await expect
      .poll(() => shown)
      .toContainEqual({
        ...{ step: 'fetching core/auth 1.0.0, as a patch', done: 12_000, total: 40_000 },
      });

    world.deployer.finish();
    await followed;
    expect(json().transfers).toBeUndefined();
  });
});

describe('plan with a target', () => {
  it('shows what would lead there, and what is on the disk already', async () => {
    const { context, lines, world } = await atTerminal('frozen');
    world.fetched.push(releaseOf('1.0.0').document.tree.digest);

    expect(await plan(context, 'core/auth@1.0.0')).toBe(0);

    expect(lines()[0]).toMatch(/^core\/auth@1\.0\.0 takes one deployment, once what stands in the way/);
    expect(lines()).toContainEqual(
      expect.stringMatching(/core\/auth +none +1\.0\.0 +latest +0 B +undeclared/),
    );
    expect(lines()).toContainEqual(expect.stringContaining('channel-frozen'));
    expect(world.deployer.requests).toEqual([]);
  });

  it('is one versioned JSON value when asked for', async () => {
    const { context, json } = await atTerminal('frozen', { json: true });

    await plan(context, 'core/auth@1.0.0');

    expect(json()).toMatchObject({
      schema: 'fairlead/way@1',
      target: 'core/auth@1.0.0',
      outcome: 'reachable',
      hops: [{ moves: [{ component: 'core/auth', to: '1.0.0', bytes: 100 }] }],
      blockers: [{ code: 'channel-frozen' }],
    });
  });

  it('exits 4 where nothing leads there, 0 where it runs already', async () => {
    const { context, lines, publish, ask, world } = await atTerminal('auto');
    publish(releaseOf('1.1.0', { requires: { 'core/api': '^1.0.0' } }));
    await ask('POST', '/v1/check');
    await world.clock.advance(1000);

    expect(await plan(context, 'core/auth@1.1.0')).toBe(4);
    expect(await plan(context, 'core/auth@1.0.0')).toBe(0);

    expect(lines()[0]).toBe('nothing leads to core/auth@1.1.0 here');
    expect(lines().at(-1)).toBe('core/auth@1.0.0 runs already: nothing to do');
  });

  it('refuses a release nobody published', async () => {
    const { context } = await atTerminal('auto');

    const refusal = await rejectionOf(plan(context, 'core/auth@9.9.9'));

    expect(dataOf(refusal, 'agent/refused').code).toBe('plan/no-such-release');
  });
});

describe('apply', () => {
  it('goes on following when the agent is started again meanwhile', async () => {
    const { context, lines, world } = await atTerminal('manual');
    const { client } = context;
    let away = 3;
    const restarting: typeof client = {
      call: (method, path, reply, body) => {
        if (!path.startsWith('/v1/changes/') || away-- <= 0) return client.call(method, path, reply, body);
        return Promise.reject(new FairleadError('agent/not-running', { socket: 's', start: 'start it' }));
      },
    };

    expect(await apply({ ...context, client: restarting }, { reason: 'x' })).toBe(0);

    expect(lines().filter((line) => line.startsWith('the agent has ended'))).toHaveLength(1);
    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
  });

  it('does not wait for ever for an agent that is gone', async () => {
    const { context } = await atTerminal('manual');
    const { client } = context;
    const gone: typeof client = {
      call: (method, path, reply, body) =>
        path.startsWith('/v1/changes/')
          ? Promise.reject(new FairleadError('agent/not-running', { socket: 's', start: 'start it' }))
          : client.call(method, path, reply, body),
    };

    expect((await rejectionOf(apply({ ...context, client: gone }, { reason: 'x' }))).code).toBe(
      'agent/not-running',
    );
  });

  it('shows the plan, asks a person, and follows every state to the end', async () => {
    const { context, asked, lines, world } = await atTerminal('manual', { interactive: true, answer: true });

    expect(await apply(context, { reason: 'maintenance night' })).toBe(0);

    expect(asked).toHaveLength(1);
    const states = ['planned', 'fetching', 'preflight', 'stopping', 'starting', 'committed'];
    const followed = lines().flatMap((line) => / change 1 {2}(\S+)$/.exec(line)?.[1] ?? []);
    expect(followed).toEqual(states);
    expect(world.deployer.records).toMatchObject([{ state: 'committed', note: 'maintenance night' }]);
  });

  it('does nothing when the person says no', async () => {
    const { context, world } = await atTerminal('manual', { interactive: true, answer: false });

    expect(await apply(context, { reason: 'x' })).toBe(4);

    expect(world.deployer.records).toEqual([]);
  });

  it.each([
    ['with --yes', { interactive: true }, { yes: true }],
    ['in a script', { interactive: false }, {}],
  ])('does not ask %s', async (_how, terminal, options) => {
    const { context, asked, world } = await atTerminal('manual', terminal);

    await apply(context, { reason: 'x', ...options });

    expect(asked).toEqual([]);
    expect(world.deployer.records).toHaveLength(1);
  });

  it('fails when the deployment did not commit', async () => {
    const { context, world } = await atTerminal('manual');
    world.deployer.ends = 'rolled-back';

    const failure = dataOf(await rejectionOf(apply(context, { reason: 'x' })), 'change/failed');

    expect(failure).toMatchObject({ change: 1, state: 'rolled-back' });
  });

  it('is a refusal with a next step when there is nothing on offer', async () => {
    const { context } = await atTerminal('auto', { interactive: true });

    const refusal = dataOf(await rejectionOf(apply(context, { reason: 'x' })), 'agent/refused');

    expect(refusal).toMatchObject({ code: 'apply/nothing', exit: 4 });
    expect(refusal.hint).toContain('fairlead check');
  });
});

describe('rollback, changes and change', () => {
  it('roll back, and tell what happened in snapd’s columns', async () => {
    const { context, publish, ask, lines } = await atTerminal('auto');
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await settle();

    expect(await rollback(context, { reason: 'slow pages' })).toBe(0);
    await changes(context);
    await change(context, 3);

    const heading = lines().find((line) => line.startsWith('ID'));
    expect(heading?.split(/ {2,}/)).toEqual(['ID', 'Status', 'Spawn', 'Ready', 'Summary']);
    expect(lines()).toContainEqual(expect.stringMatching(/^3 +Done +\S+ +\S+ +rollback to generation 1: /));
    expect(lines()).toContainEqual(expect.stringMatching(/started by alice/));
  });
});

describe('approve and deny', () => {
  it('answer the plan that plan shows', async () => {
    const { context, lines, world } = await atTerminal('manual');
    await plan(context);
    const digest = (/plan (sha256:[0-9a-f]{64})/.exec(lines().join('\n'))?.[1] ?? '') as Digest;

    await approve(context, digest, { reason: 'tested', ticket: 'CAB-7' });
    expect(lines()).toContainEqual(expect.stringMatching(/approve +alice .*CAB-7: tested/));
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
    await listApprovals(context);
    expect(lines().at(-1)).toMatch(/approve +alice .*used +CAB-7: tested/);
  });

  it('say no for good', async () => {
    const { context, ask, lines } = await atTerminal('manual');
    const { decision } = (await ask('GET', '/v1/explanation')) as { decision: { target: { plan: Digest } } };

    await deny(context, decision.target.plan, { reason: 'not this one' });

    expect(lines().at(-1)).toMatch(/deny +alice +for good +final +not this one/);
  });
});

describe('a plan', () => {
  it.each([
    ['as a patch', { way: 'patch', bytes: 9_604 } as const, 'fetches of core/auth 1.1.0: 9.6 kB, as a patch'],
    ['whole', { way: 'pack', bytes: 2_000_000 } as const, 'fetches of core/auth 1.1.0: 2.0 MB, whole'],
  ])('says what will be fetched %s', async (_what, weighs, line) => {
    const { context, world, publish, ask, lines } = await atTerminal('auto');
    world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel: 'frozen' } };
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    world.weighs = weighs;
    await plan(context, 'core/auth@1.1.0');

    expect(lines()).toContain(line);
  });
});

describe('pins and holds', () => {
  it('are set, shown and taken back', async () => {
    const { context, lines } = await atTerminal('auto');

    await addPin(context, 'core/auth', '~1.0', { reason: 'tested', expires: '2026-12-31T00:00:00Z' });
    await listPins(context);
    expect(lines()).toContainEqual(
      expect.stringMatching(/^core\/auth +~1\.0 +holds +2026-12-31T00:00:00Z +alice +tested$/),
    );
    await removePin(context, 'core/auth', { reason: 'caught up' });

    expect(lines().at(-1)).toBe('No pins.');
  });

  it.each([
    ['a component that nobody released', 'platform', 'latest-1'],
    ['a misspelt one', 'core/atuh', '1.0.0'],
    ['no version', 'core/auth', ''],
  ])('are refused for %s', async (_name, component, version) => {
    const { context } = await atTerminal('auto');

    const refused = await refusedCode(addPin(context, component, version, { reason: 'slow ring' }));

    expect(refused).toBe('policy/pin-in-vain');
  });

  it('tell until when, and how to end it sooner', async () => {
    const { context, lines } = await atTerminal('auto');

    await hold(context, 1 * HOUR_MS, { reason: 'demo' });
    expect(lines().at(-1)).toContain('fairlead release');
    await release(context, { reason: 'over' });

    expect(lines().at(-1)).toBe('the hold is over');
  });
});

describe('policy check', () => {
  it('exits 0 for a policy that can be read, 1 for one that cannot', async () => {
    const { context, world, lines } = await atTerminal('auto');
    expect(await checkPolicy(context, undefined)).toBe(0);

    world.policy = { kind: 'unreadable', problem: 'settings.json is not JSON' };

    expect(await checkPolicy(context, undefined)).toBe(1);
    expect(lines()).toContainEqual(expect.stringContaining('settings.json is not JSON'));
  });
});

describe('channel set and quarantine lift', () => {
  it('say what the channel now means', async () => {
    const { context, lines, world } = await atTerminal('auto');

    await setChannel(context, 'frozen', { reason: 'year end' });

    expect(lines()[0]).toMatch(/^channel frozen: /);
    expect(world.policy).toMatchObject({ policy: { channel: 'frozen' } });
  });

  it('name what may be tried again', async () => {
    const { context, lines, world } = await atTerminal('manual');
    world.deployer.ends = 'rolled-back';
    await rejectionOf(apply(context, { reason: 'x' }));

    expect(await liftQuarantine(context, 'core/auth', { reason: 'disk replaced' })).toBe(0);

    expect(lines().at(-1)).toContain('core/auth 1.0.0');
  });

  it('say of settings that failed that they are what is not tried again, and lift them', async () => {
    const { ask, context, lines, world } = await atTerminal('manual');
    const { decision } = (await ask('GET', '/v1/explanation')) as ExplanationReply;
    const since = '2026-01-01T10:00:00Z';
    const failed = {
      component: AUTH,
      version: 'settings',
      since,
      reason: 'the smoke test failed',
      record: 3,
    };
    world.deployer.quarantine.push({ ...failed, release: decision.target?.manifest ?? '' });

    const codes = [await status(context), await refusedCode(apply(context, { reason: 'x' }))];
    const told = lines();
    const lifted = await liftQuarantine(context, AUTH, { reason: 'mended' });

    expect(codes).toEqual([0, 'apply/blocked']);
    expect(told[0]).toMatch(/^blocked: .*settings is quarantined since change 3/);
    expect(told).toContainEqual(expect.stringContaining('core/auth settings since'));
    expect([lifted, lines().at(-1)]).toEqual([0, 'core/auth settings may be tried again']);
  });

  it('asks a person before it lifts, and does nothing on a no', async () => {
    const { context, world, asked } = await atTerminal('manual', { interactive: true, answer: false });
    world.deployer.ends = 'rolled-back';
    await rejectionOf(apply({ ...context, interactive: false }, { reason: 'x' }));

    expect(await liftQuarantine(context, 'core/auth', { reason: 'disk replaced' })).toBe(4);
    expect(asked).toEqual(['Let what failed of core/auth be tried again?']);
  });
});

describe('verify and advisories', () => {
  it('exit 0 when everything is as it was signed', async () => {
    const { context, lines } = await atTerminal('auto');

    expect(await verify(context)).toBe(0);
    expect(await advisories(context)).toBe(0);

    expect(lines()[0]).toBe('what runs is exactly what was signed');
  });

  it('show of an advisory that affects what runs what people should know, on one line each', async () => {
    const { context, world, lines, publish, ask } = await atTerminal('auto');
    const hole = (id: string, versions: string, impact: string) => ({
      ...advisory.parse({
        ...{ schema: 'fairlead/advisory@1', id, title: 'a hole', severity: 'low', published: AT },
        ...{ affected: [{ component: 'core/auth', versions }], fixed: [], cves: [] },
      }),
      details: advisoryDetails.parse({
        ...{ schema: 'fairlead/advisory-details@1', advisory: id, impact, action: 'one\ntwo' },
        ...{ references: [{ kind: 'fix', url: 'https://e.com/' }], aliases: ['GHSA-1'], exploitedSince: AT },
      }),
    });
    const advised = [hole('FL-1', '<9', 'reads \u202email'), hole('FL-2', '>9', 'writes mail')];
    world.catalog = { ...world.catalog, advisories: advised };
    publish();
    await ask('POST', '/v1/check');

    await advisories(context);

    const told = lines().slice(lines().indexOf('FL-1'));
    expect(told).toEqual([
      ...['FL-1', `  in use since ${AT}`, '  impact: reads \ufffdmail', '  action: one', '    two'],
      ...['  also known as GHSA-1', '  fix: https://e.com/'],
    ]);
  });

  it('exit 5 and name the file when something was changed by hand', async () => {
    const { context, lines, world } = await atTerminal('auto');
    world.drift.set(releaseOf('1.0.0').document.tree.digest, [{ path: 'bin/run', problem: 'changed' }]);

    expect(await verify(context)).toBe(5);

    expect(lines()).toContainEqual(expect.stringMatching(/changed +bin\/run/));
  });
});
