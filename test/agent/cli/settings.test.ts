// Settings from the command line: what an offered release asks for is said at once, and the command that is named clears it.
import { describe, expect, it } from 'vitest';
import { explain } from '../../../agent/cli/commands/explain.ts';
import { listSettings, setSetting, unsetSetting } from '../../../agent/cli/commands/settings.ts';
import { createProgram } from '../../../agent/cli/program.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { explanationReply } from '../../../shared/protocol/admin.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { DEFAULT_POLICY, policy as policySchema } from '../../../shared/schema/policy.ts';
import { releaseOf } from '../../support/agent-network.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';
import { atTerminal } from '../../support/terminal.ts';

const WHY = { reason: 'new in 1.1.0' };
const SETTINGS = {
  port: { type: 'integer', minimum: 1, maximum: 65_535, description: 'where it listens' },
  level: { type: 'string', enum: ['info', 'debug'], default: 'info' },
};
const SECRET = { secret: { type: 'string', minLength: 4, secret: true } };

/** 1.0.0 runs and asks for nothing; 1.1.0 is on offer and asks for a port; no window is open. */
async function asked(overrides: Parameters<typeof atTerminal>[1] = {}, settings: object = SETTINGS) {
  const terminal = await atTerminal('auto', overrides);
  const never = { name: 'night', cron: '0 2 * * 6', duration: 'PT1H', zone: 'UTC' };
  const policy = policySchema.parse({ ...DEFAULT_POLICY, windows: { allow: [never], deny: [] } });
  terminal.world.policy = { kind: 'readable', policy };
  terminal.publish(releaseOf('1.1.0', { settings }));
  await terminal.ask('POST', '/v1/check');
  const blockers = async () =>
    explanationReply.parse(await terminal.ask('GET', '/v1/explanation')).decision.blockers;
  const given = () =>
    terminal.world.config instanceof Error
      ? null
      : terminal.world.config.suites.core?.capabilities.auth?.settings;
  const edits = () =>
    terminal.world.audit.filter(
      ({ event, details }) => event === 'policy-changed' && details.key !== undefined,
    );
  return { ...terminal, blockers, given, edits };
}

/** As a shell would call it: with the value in the place of the word that stands for it. */
async function type(terminal: Awaited<ReturnType<typeof asked>>, command: string, value: string) {
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? '');
  const program = createProgram({
    createContext: async () => terminal.context,
    runAgent: () => Promise.reject(new Error('nobody runs an agent')),
    exit: () => undefined,
  });
  const argv = words.slice(1).map((word) => (word === 'VALUE' ? value : word));
  await program.parseAsync(argv, { from: 'user' });
}

describe('a setting that a release on offer asks for', () => {
  it('is named at once, long before a window opens, with a command that clears it', async () => {
    const terminal = await asked();
    const [first, ...others] = await terminal.blockers();
    expect(first).toMatchObject({
      code: 'settings-invalid',
      clearWith: 'fairlead settings set core/auth port VALUE --reason "why"',
    });
    expect(others).toMatchObject([{ code: 'window-closed' }]);

    await type(terminal, first?.clearWith ?? '', '8443');

    expect(await terminal.blockers()).toMatchObject([{ code: 'window-closed' }]);
    expect(terminal.given()).toEqual({ port: 8443 });
  });

  it('is shown by explain as it is to be typed', async () => {
    const { context, lines } = await asked();

    await explain(context, {});

    expect(lines()).toContainEqual(expect.stringContaining('fairlead settings set core/auth port VALUE'));
  });

  it('is listed as missing, with what it takes, and an exit status for scripts', async () => {
    const { context, lines } = await asked();

    expect(await listSettings(context, 'core/auth')).toBe(4);

    expect(lines()).toContainEqual(
      expect.stringMatching(/core.auth 1.1.0 +offered +port +MISSING +a whole number from 1 to 65535; where/),
    );
  });

  it('is on the record with who, what and why', async () => {
    const { context, edits } = await asked();

    await setSetting(context, 'core/auth', 'port', '8443', WHY);

    expect(edits()).toMatchObject([
      { actor: 'alice', details: { edit: '+ core/auth port: 8443', reason: 'new in 1.1.0', key: 'port' } },
    ]);
  });

  it('is not told a second time as found on the disk', async () => {
    const { context, world } = await asked();
    await world.clock.advance(120_000);

    await setSetting(context, 'core/auth', 'port', '8443', WHY);
    await world.clock.advance(120_000);

    expect(
      world.audit
        .filter(({ event }) => event === 'policy-changed')
        .map(({ actor }) => actor)
        .at(-1),
    ).toBe('alice');
  });

  it('stays as it was where the record refuses it', async () => {
    const { context, world, given } = await asked();
    world.auditError = new FairleadError('audit/damaged', {
      path: 'audit',
      line: 1,
      problem: 'x',
    });

    await rejectionOf(setSetting(context, 'core/auth', 'port', '8443', WHY));

    expect(given()).toBeUndefined();
  });
});

describe('settings set', () => {
  it.each([
    ['a value out of bounds', 'core/auth', 'port', '0', 'document/invalid'],
    ['a name no release knows', 'core/auth', 'prot', '80', 'document/invalid'],
    ['a component nobody released', 'core/atuh', 'port', '80', 'setting/no-component'],
    ['a name that is none', 'core/auth', '__proto__', '80', 'document/invalid'],
    ['a component that is none', '../auth', 'port', '80', 'document/invalid'],
  ])('refuses %s, and records nothing', async (_what, component, key, value, code) => {
    const { context, edits, given } = await asked();

    const refusal = await rejectionOf(setSetting(context, component, key, value, WHY));

    expect(refusal.code === 'agent/refused' ? dataOf(refusal, 'agent/refused').code : refusal.code).toBe(
      code,
    );
    expect(edits()).toEqual([]);
    expect(given()).toBeUndefined();
  });

  it('takes a reference for a setting of any type', async () => {
    const { context, given, lines } = await asked();

    await setSetting(context, 'core/auth', 'port', '${env:PORT}', WHY);

    expect(given()).toEqual({ port: '${env:PORT}' });
    expect(lines()[0]).toBe('+ core/auth port: "${env:PORT}"');
  });

  it.each([{}, { json: true }, { interactive: true, answer: true }])(
    'prints and records no secret %j',
    async (overrides) => {
      const { context, printed, world, given } = await asked(overrides, { ...SETTINGS, ...SECRET });

      await setSetting(context, 'core/auth', 'secret', 'open-sesame', WHY);
      await setSetting(context, 'core/auth', 'secret', 'hunter2-hunter2', WHY);
      await listSettings(context, undefined);

      expect(given()).toEqual({ secret: 'hunter2-hunter2' });
      const told = printed.join('\n') + JSON.stringify(world.audit) + JSON.stringify(world.logged);
      expect(told).not.toMatch(/sesame|hunter2/);
      expect(told).toContain('on a command line');
    },
  );

  it('shows where a secret is kept', async () => {
    const { context, lines } = await asked({}, SECRET);

    await setSetting(context, 'core/auth', 'secret', '${file:/etc/auth/secret}', WHY);

    expect(lines()[0]).toBe('+ core/auth secret: "${file:/etc/auth/secret}"');
  });

  it('asks a person, and changes nothing on a no', async () => {
    const { context, lines, given, edits } = await asked({ interactive: true, answer: false });

    expect(await setSetting(context, 'core/auth', 'port', '80', WHY)).toBe(4);

    expect(lines()[0]).toBe('+ core/auth port: 80');
    expect([given(), edits()]).toEqual([undefined, []]);
  });

  it('says that what runs would not take it, and gives it all the same to the release that asks', async () => {
    const { context, lines } = await asked();

    await setSetting(context, 'core/auth', 'port', '80', WHY);

    expect(lines()).toContainEqual(expect.stringMatching(/^note: 1.0.0, which runs, does not take it/));
  });
});

describe('a setting that no release knows any more', () => {
  it('is taken away by the command that is named', async () => {
    const terminal = await asked({}, {});
    const auth = { settings: { old: 'secret-of-then' } };
    terminal.world.config = instanceConfig.parse({
      schema: 'fairlead/instance@1',
      suites: { core: { capabilities: { auth } } },
    });
    const [first] = await terminal.blockers();
    expect(first?.clearWith).toBe('fairlead settings unset core/auth old --reason "why"');
    await listSettings(terminal.context, undefined);

    await type(terminal, first?.clearWith ?? '', '');

    expect(await terminal.blockers()).not.toContainEqual(
      expect.objectContaining({ code: 'settings-invalid' }),
    );
    expect(terminal.given()).toEqual({});
    expect(terminal.printed.join('\n')).not.toContain('secret-of-then');
  });

  it('is no way to lose one that has no default', async () => {
    const { context, given } = await asked();
    await setSetting(context, 'core/auth', 'port', '80', WHY);

    const refusal = await rejectionOf(unsetSetting(context, 'core/auth', 'port', WHY));

    expect(refusal.code).toBe('document/invalid');
    expect(given()).toEqual({ port: 80 });
  });
});
