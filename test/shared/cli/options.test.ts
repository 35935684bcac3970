// What every option and argument of the three programs refuses, whichever command it belongs to.
import type { Argument, Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram as createAgentProgram } from '../../../agent/cli/program.ts';
import { parseHost, parsePort } from '../../../server/cli/options.ts';
import { createProgram as createServerProgram } from '../../../server/program.ts';
import { createProgram as createVendorProgram } from '../../../server/vendor/cli/program.ts';
import { type CommandSpec, createProgram, type OptionSpec } from '../../../shared/cli/command.ts';
import { runProgram } from '../../../shared/cli/run.ts';
import { FairleadError } from '../../../shared/errors/error.ts';

const unused = () => {
  throw new Error('no command is run here');
};
const PROGRAMS: readonly Command[] = [
  createAgentProgram({ createContext: unused, runAgent: unused, exit: unused }),
  createServerProgram(unused),
  createVendorProgram({ stdout: process.stdout, stderr: process.stderr, environment: {} } as never, unused),
];

interface Place {
  /** Words before it: `pin add`. */
  readonly path: readonly string[];
  readonly program: Command;
}
type Taken = readonly [what: string, read: Option | Argument, Place];

const OPTIONS = PROGRAMS.flatMap((program) => valuesOf(program, [], program)).filter(
  (one): one is readonly [string, Option, Place] => 'flags' in one[1],
);
const ARGUMENTS = PROGRAMS.flatMap((program) => valuesOf(program, [], program)).filter(
  (one): one is readonly [string, Argument, Place] => !('flags' in one[1]),
);
const EVERYTHING = [...OPTIONS, ...ARGUMENTS];

function valuesOf(command: Command, path: readonly string[], program: Command): readonly Taken[] {
  const at = [program.name(), ...path].join(' ');
  const place = { path, program };
  return [
    ...command.options
      .filter((option) => option.required || option.optional)
      .map((option): Taken => [`${at} ${option.flags}`, option, place]),
    ...command.registeredArguments.map((one): Taken => [`${at} ${one.name()}`, one, place]),
    ...command.commands.flatMap((each) => valuesOf(each, [...path, each.name()], program)),
  ];
}

/** A value that people may write as they like, within a line or a path; what is wrong with a database's address is said without it. */
const FREE =
  /--(?:reason|title|impact|action|publisher|description|scope|revision|label|ticket|name|reproduce|key|add|out|from|against|root|ledger|manifest|file|config|state-dir|dir|token-file|passphrase-file|instance|smtp-user|database|repository|backup)\b|--to <url>|--enroll <string>|--direct <hosts>|<(?:file|path|dir)>/;
const FREE_ARGUMENTS = new Set([
  ...['webhooks test webhook', 'webhooks rotate webhook', 'webhooks remove webhook'],
  'webhooks enable webhook',
  'advisory import file',
  'approvals import file',
  'approver trust key',
  'policy check file',
  'audit verify file',
  'audit export file',
  'audit heads file',
  'audit receipts file',
  'customers create customer',
  'report compliance customer',
  'agent enroll string',
  'agent move string',
  'instance install',
  'instances evidence install',
  'instances sbom install',
  'instances isolate install',
  'instances restore install',
  'instances retire install',
  'instances verify file',
  'statements verify file',
  'key create file',
  'window remove name',
  'settings set key',
  'settings set value',
  'settings unset key',
  'token revoke name',
  'trace change-or-release-or-instance',
  'verify-download file',
]);

async function complaint(program: Command, words: readonly string[]) {
  const said: string[] = [];
  const keep = (text: string) => void said.push(text);
  const quiet = (command: Command): void => {
    command.configureOutput({ ...command.configureOutput(), writeErr: keep, writeOut: keep });
    command.commands.forEach(quiet);
  };
  quiet(program);
  const exit = await runProgram(program, words, { stdout: { write: keep }, stderr: { write: keep } });
  return { exit, said: said.join('') };
}

describe('every option that takes a value', () => {
  it.each(OPTIONS)('names itself and the remedy when nothing is given as %s', async (_, option, at) => {
    // `--key "$KEY"` with the variable unset must not mean "without a key", nor the directory one stands in.
    const { exit, said } = await complaint(at.program, [...at.path, option.long ?? '', '']);

    expect(said).toContain(`error: option '${option.flags}' argument '' is invalid. `);
    expect(said).toMatch(/(?:It must be|Write|Allowed choices are) .+\.\n {2}hint: /);
    expect(said).not.toMatch(/\n {4}at /);
    expect(exit).toBe(2);
  });

  it.each(OPTIONS.filter(([, option]) => !FREE.test(option.flags)))(
    'takes no other words as %s',
    async (_, option, at) => {
      const { exit, said } = await complaint(at.program, [...at.path, option.long ?? '', 'no, such: words']);

      expect(said).toContain(`error: option '${option.flags}' argument 'no, such: words' is invalid. `);
      expect(exit).toBe(2);
    },
  );

  it.each(OPTIONS)('takes no text that a terminal would obey as %s', (_, option) => {
    expect(() => option.parseArg?.('two\n\u001b[31mlines\u0000', undefined)).toThrow(
      /^(?:It must be|Write|Allowed)/,
    );
    expect(option.parseArg).toBeDefined();
  });
});

describe('every argument of a command', () => {
  const rubbish = (argument: Argument, text: string) => () => argument.parseArg?.(text, undefined as never);

  it.each(ARGUMENTS.filter(([what]) => !what.endsWith('settings set value')))(
    'is not empty as %s',
    (_, one) => {
      expect(rubbish(one, '')).toThrow(/^(?:It must be|Write|Allowed)/);
      expect(one.parseArg).toBeDefined();
    },
  );

  it.each(ARGUMENTS.filter(([what]) => !FREE_ARGUMENTS.has(what.replace(/^\S+ /, ''))))(
    'takes no other words as %s',
    (_, one) => {
      expect(rubbish(one, 'no, such: words')).toThrow(/^(?:It must be|Write|Allowed)/);
    },
  );

  it('is named with what it must be', async () => {
    const { exit, said } = await complaint(PROGRAMS[0] as Command, ['logs', 'nonsense']);

    expect(said).toBe(
      "error: argument 'component' cannot be 'nonsense'. It must be a capability such as core/auth.\n" +
        '  hint: the same command with --help says what it takes\n',
    );
    expect(exit).toBe(2);
  });
});

it('looks at all three programs', () => {
  expect(EVERYTHING.length).toBeGreaterThan(150);
});

describe('a parser that throws an error of ours', () => {
  const refused = () => {
    throw new FairleadError('version/invalid', { value: 'x' });
  };
  const command = (options: readonly OptionSpec[], name: string): CommandSpec<object> => ({
    name,
    about: '',
    arguments: [{ name: '[one]', about: '', parse: refused }],
    options,
    load: async () => unused,
  });

  it.each([
    [['go', '--at', 'x'], "option '--at <text>' argument 'x'"],
    [['go', '--all', 'x'], "option '--all <text...>' argument 'x'"],
    [['go', '--each', 'x'], "option '--each <text>' argument 'x'"],
    [['go', 'x'], "argument 'one' cannot be 'x'"],
  ])('is told as a mistake at %j', async (words, named) => {
    const program = createProgram({
      ...{ name: 'p', about: '', version: '1', common: [], groups: {}, exit: unused },
      commands: [
        command(
          [
            { flags: '--at <text>', about: '', parse: refused },
            { flags: '--all <text...>', about: '', parse: refused },
            { flags: '--each <text>', about: '', parse: refused, repeatable: true },
          ],
          'go',
        ),
      ],
      createContext: unused,
    });
    const { exit, said } = await complaint(program, words);

    expect(said).toContain(named);
    expect(said).toContain('hint:');
    expect(exit).toBe(2);
  });
});

describe('a group of commands', () => {
  const below = (command: Command): readonly Command[] =>
    command.commands.flatMap((one) => [one, ...below(one)]);

  it.each(PROGRAMS.map((program) => [program.name(), program] as const))(
    'is told in the help of %s, as each command is',
    (_name, program) => {
      const silent = below(program).filter((one) => one.description() === '');

      expect(silent.map((one) => one.name())).toEqual([]);
    },
  );
});

describe('a long value that is wrong', () => {
  it('leaves room for what it must be', async () => {
    const { said } = await complaint(PROGRAMS[0] as Command, ['logs', 'x'.repeat(10_000)]);

    expect(said.length).toBeLessThan(700);
    expect(said).toContain('It must be a capability such as core/auth.');
  });
});

describe('a port', () => {
  it.each(['', ' 80', '0x50', '8e3', '+80', '-1', '80.5', '65536', '8080x'])('is not %j', (text) => {
    expect(() => parsePort(text)).toThrow(/0 to 65535/);
  });

  it.each(['0', '80', '65535'])('may be %s', (text) => {
    expect(parsePort(text)).toBe(Number(text));
  });
});

describe('an address to listen on', () => {
  it.each(['127.0.0.1', '::', '::1', 'localhost', 'releases.internal'])('may be %s', (text) => {
    expect(parseHost(text)).toBe(text);
  });

  it.each(['', ' ', 'http://127.0.0.1', '127.0.0.1:80', '-x'])('is not %j', (text) => {
    expect(() => parseHost(text)).toThrow(/address/);
  });
});
