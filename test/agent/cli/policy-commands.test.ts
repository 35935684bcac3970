// The policy from the command line: windows, times as people write them, and the difference before the question.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apply } from '../../../agent/cli/commands/apply.ts';
import { requireApprovals, trustApprover } from '../../../agent/cli/commands/approver.ts';
import { doctor } from '../../../agent/cli/commands/doctor.ts';
import { explain } from '../../../agent/cli/commands/explain.ts';
import { hold, release } from '../../../agent/cli/commands/hold.ts';
import { outbox, setReporting } from '../../../agent/cli/commands/outbox.ts';
import { addPin, checkPolicy, setChannel } from '../../../agent/cli/commands/policy.ts';
import { stage } from '../../../agent/cli/commands/stage.ts';
import { status } from '../../../agent/cli/commands/status.ts';
import { addWindow, listWindows, removeWindow } from '../../../agent/cli/commands/windows.ts';
import type { CliContext } from '../../../agent/cli/context.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { formatBoth } from '../../../shared/present/windows.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, refusedCode, rejectionOf } from '../../support/error-code.ts';
import { atTerminal } from '../../support/terminal.ts';

const HOUR_MS = 3_600_000;

const NIGHT = { cron: '0 2 * * sat', duration: 'PT4H', zone: 'Europe/Berlin', reason: 'quiet hours' };

describe('windows', () => {
  it('are added, shown with their next openings in local time and UTC, and removed', async () => {
    const { context, lines, world } = await atTerminal('auto');

    await addWindow({ ...context, zone: 'Europe/Berlin' }, 'night', NIGHT);
    expect(lines()).toContainEqual(
      '  sat 2026-03-07 02:00 Europe/Berlin (2026-03-07T01:00:00Z) until sat 2026-03-07 06:00 Europe/Berlin (2026-03-07T05:00:00Z)',
    );
    await addWindow(context, 'month-end', { ...NIGHT, cron: '0 0 L * *', deny: true });
    expect(world.policy).toMatchObject({
      policy: {
        windows: { allow: [{ name: 'night' }], deny: [{ name: 'month-end', zone: 'Europe/Berlin' }] },
      },
    });
    await removeWindow(context, 'month-end', { reason: 'no longer' });
    await removeWindow(context, 'night', { reason: 'no longer' });
    await listWindows(context);

    expect(lines().at(-1)).toBe('No windows: a deployment may start at any time.');
  });

  it('show the opening after the clock change at the same hour', () => {
    expect(formatBoth(instantMs('2026-03-28T01:00:00Z'), 'Europe/Berlin')).toContain('sat 2026-03-28 02:00');
    expect(formatBoth(instantMs('2026-04-04T00:00:00Z'), 'Europe/Berlin')).toContain('sat 2026-04-04 02:00');
  });

  it.each([
    ['a cron expression that is none', { ...NIGHT, cron: '0 25 * * *' }, 'document/invalid'],
    ['a zone that is none', { ...NIGHT, zone: 'Mars/Olympus' }, 'document/invalid'],
    [
      'a policy whose windows never open',
      { ...NIGHT, cron: '* * * * *', duration: 'P1D', deny: true },
      'policy/unsatisfiable',
    ],
  ])('refuse %s, and nothing is lost', async (_what, options, code) => {
    const { context, world } = await atTerminal('auto');
    await addWindow(context, 'night', NIGHT);

    expect(await refusedCode(addWindow(context, 'more', options))).toBe(code);

    expect(world.policy).toMatchObject({ policy: { windows: { allow: [{ name: 'night' }], deny: [] } } });
  });
});

describe('a change at a terminal', () => {
  it('shows the difference before it asks, and changes nothing on a no', async () => {
    const { context, lines, asked, world } = await atTerminal('auto', { interactive: true, answer: false });

    expect(await setChannel(context, 'frozen', { reason: 'x' })).toBe(4);

    expect(lines()).toEqual(['- channel: "auto"', '+ channel: "frozen"']);
    expect(asked).toHaveLength(1);
    expect(world.policy).toMatchObject({ policy: { channel: 'auto' } });
    expect(world.audit.some(({ event }) => event === 'policy-changed')).toBe(false);
  });

  it.each([
    ['after a yes', { interactive: true, answer: true }, {}],
    ['with --yes', { interactive: true }, { yes: true }],
    ['in a script', {}, {}],
  ])('happens %s', async (_how, terminal, options) => {
    const { context, world } = await atTerminal('auto', terminal);

    await setChannel(context, 'frozen', { reason: 'x', ...options });

    expect(world.policy).toMatchObject({ policy: { channel: 'frozen' } });
  });
});

describe('a hold', () => {
  it.each([
    [4 * HOUR_MS, {}, '2026-03-01T14:00:01Z'],
    [24 * HOUR_MS, {}, '2026-03-02T10:00:01Z'],
    [undefined, { until: 'mon 08:00' }, '2026-03-02T08:00:00Z'],
  ])('takes %s %j', async (span, options, until) => {
    const { context, world } = await atTerminal('auto');

    await hold(context, span, { reason: 'sale', ...options });

    expect(world.policy).toMatchObject({ policy: { hold: { until, by: 'alice', reason: 'sale' } } });
  });

  it.each([
    ['no end', undefined, {}, 'time/one-end'],
    ['two ends', 4 * HOUR_MS, { until: 'mon 08:00' }, 'time/one-end'],
    ['an end that is no time', undefined, { until: 'then' }, 'time/unreadable'],
  ])('refuses %s', async (_what, span, options, code) => {
    const { context } = await atTerminal('auto');

    expect((await rejectionOf(hold(context, span, { reason: 'x', ...options }))).code).toBe(code);
  });

  it('that is not there is not said to be over', async () => {
    const { context, lines } = await atTerminal('auto');

    await release(context, { reason: 'x' });

    expect(lines()).toEqual(['nothing was held']);
  });

  it('shows in the status although nothing is on offer', async () => {
    const { context, lines } = await atTerminal('auto');
    await hold(context, 4 * HOUR_MS, { reason: 'sale' });

    await status(context);

    expect(lines()).toContainEqual('Held until 2026-03-01T14:00:01Z by alice: sale');
  });

  it('of forced patches is loud in the status, and lasts 72 hours at most', async () => {
    const { context, lines } = await atTerminal('auto');
    const tooLong = hold(context, 73 * HOUR_MS, { emergency: true, reason: 'surgery' });
    expect(await refusedCode(tooLong)).toBe('document/invalid');

    await hold(context, 72 * HOUR_MS, { emergency: true, reason: 'surgery' });
    await status(context);

    expect(lines()).toContainEqual(expect.stringMatching(/FORCED PATCHES ARE HELD until .*alice: surgery/));
  });
});

describe('policy check', () => {
  const check = async (part: object) => {
    const { context, lines } = await atTerminal('auto');
    const file = join(temporaryDirectory(), 'policy.json');
    writeFileSync(file, JSON.stringify({ ...DEFAULT_POLICY, ...part }));
    return { exit: await checkPolicy(context, file), lines: lines() };
  };

  it('accepts a policy in a file, and notes what holds nothing any more', async () => {
    const pin = {
      level: 'platform',
      version: '1.x',
      owner: 'a',
      reason: 'b',
      expires: '2026-01-01T00:00:00Z',
    };
    const { exit, lines } = await check({ pins: [pin] });

    expect(exit).toBe(0);
    expect(lines.at(-1)).toContain('the pin of platform expired');
  });

  it('refuses one that nobody can satisfy', async () => {
    const always = { name: 'never', cron: '* * * * *', duration: 'P1D', zone: 'UTC' };
    const { exit, lines } = await check({ windows: { allow: [], deny: [always] } });

    expect(exit).toBe(4);
    expect(lines[0]).toBe('nobody can satisfy this policy:');
  });

  it('names the key of a policy that is wrong', async () => {
    expect((await rejectionOf(check({ chanel: 'auto' }))).message).toContain('chanel');
  });
});

describe('apply outside the windows', () => {
  const closed = async () => {
    const terminal = await atTerminal('manual');
    await addWindow(terminal.context, 'night', NIGHT);
    return terminal;
  };

  it('needs the override by name, and a reason, on the record', async () => {
    const { context, world } = await closed();
    const blocked = dataOf(await rejectionOf(apply(context, { reason: 'x' })), 'agent/refused');
    expect(blocked.hint).toContain('--override window');
    const mute = dataOf(await rejectionOf(apply(context, { override: ['window'] })), 'agent/refused');
    expect(mute.code).toBe('apply/reason-needed');

    expect(await apply(context, { override: ['window'], reason: 'outage' })).toBe(0);

    expect(world.audit.find(({ event }) => event === 'apply-requested')?.details).toMatchObject({
      override: 'window',
      reason: 'outage',
    });
  });

  it('is answered beforehand by explain --at', async () => {
    const { context, lines } = await closed();

    await explain(context, { at: 'sat 02:30', assume: ['approved'] });

    expect(lines()).toContainEqual(
      'If it were sat 2026-03-07 02:30 UTC (2026-03-07T02:30:00Z) and everybody had approved:',
    );
    expect(lines()).toContainEqual('an update is about to be applied');
    expect((await rejectionOf(explain(context, { at: 'then' }))).code).toBe('time/unreadable');
  });
});

describe('stage', () => {
  it('fetches what is on offer and applies nothing', async () => {
    const { context, world, lines } = await atTerminal('frozen');

    expect(await stage(context)).toBe(0);
    await stage(context);

    expect(world.fetched).toHaveLength(1);
    expect(world.deployer.records).toEqual([]);
    expect(lines().at(-1)).toBe('there already: core/auth');
  });
});

describe('doctor and outbox', () => {
  it('find nothing where all is well', async () => {
    const { context, lines } = await atTerminal('auto');

    expect(await doctor(context)).toBe(0);
    expect(await outbox(context)).toBe(0);

    expect(lines()[0]).toBe('all is well');
  });

  it('find nothing wrong with an install that says nothing about itself', async () => {
    const { context, lines, world } = await atTerminal('auto');
    expect(await setReporting(context, 'off', { reason: 'no data leaves' })).toBe(0);
    await world.clock.advance(120_000);

    expect(await doctor(context)).toBe(0);
    expect(lines()).toContainEqual(expect.stringMatching(/^ok {2}reporting is off/));
    expect(await outbox(context)).toBe(0);
    expect(lines()).toContain('Reporting is off: updates go on, and nothing about this install leaves.');
    expect(lines()).toContainEqual(expect.stringMatching(/^report: .*withheld/));
  });

  it('say of an agent that is older than the program that it cannot look along the way', async () => {
    const { context, lines } = await atTerminal('auto');
    const client: typeof context.client = {
      call: async (method, path, reply, body) => {
        if (path !== '/v1/survey') return await context.client.call(method, path, reply, body);
        const said = { code: 'agent/unknown-request', message: 'x', hint: 'x', exit: 1 };
        throw new FairleadError('agent/refused', said);
      },
    };

    expect(await doctor({ ...context, client })).toBe(1);
    expect(lines()).toContainEqual(expect.stringMatching(/^NO {2}the way to the server: .*older/));
  });

  it('name each problem with the command that helps', async () => {
    const { context, world, lines } = await atTerminal('auto');
    world.freshness = { state: 'expired', expires: world.clock.now() - 1 };
    await addPin(context, 'core/auth', '1.x', { reason: 'x', expires: '2026-03-01T10:00:02Z' });
    await world.clock.advance(5000);

    expect(await doctor(context)).toBe(1);

    expect(lines()).toContainEqual(expect.stringMatching(/^NO {2}the vendor’s signed data is fresh/));
    expect(lines()).toContainEqual(expect.stringMatching(/^NO {2}the policy is tidy: the pin of core\/auth/));
  });
});

describe('doctor on an install that the server does not take for itself', () => {
  it('names why its reports are refused, and who else speaks in its name', async () => {
    const { context, world, lines } = await atTerminal('auto');
    world.twinsHeard = '2026-03-01T10:00:00Z';
    await world.clock.advance(120_000);
    const isolated = {
      url: 'x',
      status: 403,
      problem: 'this install is isolated',
      said: 'instance/isolated',
    };
    world.reportError = new FairleadError('transport/refused', isolated);
    await world.clock.advance(120_000);

    expect(await doctor(context)).toBe(1);

    expect(lines()).toContain('NO  the server takes this install’s word: this install is isolated');
    expect(lines()).toContainEqual(expect.stringMatching(/^NO {2}nobody else speaks in its name: .*copied$/));
    expect(lines()).toContainEqual(expect.stringContaining('fairlead agent move --copy'));
  });
});

describe('what the policy does not take', () => {
  const reason = 'x';

  it.each<readonly [string, (context: CliContext) => Promise<number>]>([
    [
      '--duration',
      (context) => addWindow(context, 'night', { cron: '0 2 * * sat', duration: 'PT0S', reason }),
    ],
    [
      '--duration',
      (context) => addWindow(context, 'night', { cron: '0 2 * * sat', duration: 'P9D', reason }),
    ],
    ['the end of the hold', (context) => hold(context, 73 * HOUR_MS, { emergency: true, reason })],
    ['the end of the hold', (context) => hold(context, undefined, { until: '2020-01-01T00:00:00Z', reason })],
    ['the number of approvals', (context) => requireApprovals(context, 3, { reason })],
    ['the key', (context) => trustApprover(context, 'alice', 'nokey', { reason })],
  ])('is named as a person typed it, and once: %s', async (named, act) => {
    const { context } = await atTerminal('auto');

    const { message } = await rejectionOf(act(context));

    expect(message.split(`${named}: expected`)).toHaveLength(2);
    expect(message).not.toMatch(/found an? (?:object|array)|hold\.|windows\.|approvals\./);
  });
});
