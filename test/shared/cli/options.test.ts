// What every option of the three programs refuses, whichever command it belongs to.
import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram as createAgentProgram } from '../../../agent/cli/program.ts';
import { parsePort } from '../../../server/cli/options.ts';
import { createProgram as createServerProgram } from '../../../server/main.ts';
import { createProgram as createVendorProgram } from '../../../server/vendor/cli/main.ts';

const unused = () => {
  throw new Error('no command is run here');
};
const PROGRAMS: readonly Command[] = [
  createAgentProgram({ createContext: unused, runAgent: unused, exit: unused }),
  createServerProgram(unused),
  createVendorProgram({ stdout: process.stdout, stderr: process.stderr, environment: {} } as never, unused),
];

function optionsOf(command: Command, at = command.name()): [string, Option][] {
  return [
    ...command.options.map((option): [string, Option] => [`${at} ${option.flags}`, option]),
    ...command.commands.flatMap((each) => optionsOf(each, `${at} ${each.name()}`)),
  ];
}

describe('an option that names a file or directory', () => {
  const options = PROGRAMS.flatMap((program) => optionsOf(program));

  it.each(options.filter(([flags]) => /<(?:file|path|dir)>/.test(flags)))(
    'refuses nothing as %s',
    (_, option) => {
      // `--key "$KEY"` with the variable unset must not mean "without a key", nor the directory one stands in.
      expect(() => option.parseArg?.('', undefined)).toThrow(/must be/);
      expect(option.parseArg).toBeDefined();
    },
  );
});

describe('a port', () => {
  it.each(['', ' 80', '0x50', '8e3', '+80', '-1', '80.5', '65536', '8080x'])('is not %j', (text) => {
    expect(() => parsePort(text)).toThrow(/0 to 65535/);
  });

  it.each(['0', '80', '65535'])('may be %s', (text) => {
    expect(parsePort(text)).toBe(Number(text));
  });
});
