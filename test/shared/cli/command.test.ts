// A program from its table of commands: what reaches a command, and how a run ends.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answerOf, type CommandSpec, createProgram, type ProgramSpec } from '../../../shared/cli/command.ts';
import { createOutput } from '../../../shared/cli/output.ts';
import { runProgram } from '../../../shared/cli/run.ts';
import { FairleadError } from '../../../shared/errors/error.ts';

type Values = readonly unknown[];

const NUMBER = (text: string) => Number(text);

function programWith(command: Partial<CommandSpec<object>>, more: Partial<ProgramSpec<object>> = {}) {
  const seen: Values[] = [];
  const contexts: object[] = [];
  const statuses: number[] = [];
  const { said, streams } = listen();
  const spec: ProgramSpec<object> = {
    name: 'tool',
    about: 'A tool.',
    version: '1.2.3',
    common: [
      { flags: '--json', about: 'as JSON' },
      { flags: '--dir <dir>', about: 'where' },
    ],
    groups: { pin: 'Pins.', 'pin old': 'Old pins.' },
    commands: [
      {
        name: 'do',
        about: 'Does it.',
        load:
          async () =>
          async (_context: object, ...values: never[]) => {
            seen.push(values);
            return 7;
          },
        ...command,
      },
    ],
    createContext: async (options) => {
      contexts.push(options);
      return {};
    },
    exit: (status) => void statuses.push(status),
    streams,
    ...more,
  };
  const program = createProgram(spec);
  const run = (...argv: string[]) => runProgram(program, argv, streams);
  return { program, run, seen, contexts, statuses, said };
}

describe('a command', () => {
  it('gets its arguments in their order and all options by their names, and its status is the program’s', async () => {
    const tool = programWith({
      arguments: [
        { name: '<plan>', about: '' },
        { name: '[count]', about: '', parse: NUMBER },
      ],
      options: [{ flags: '--reason <text>', about: '' }],
    });

    expect(await tool.run('do', 'a', '3', '--reason', 'why', '--json')).toBeNull();
    await tool.run('do', 'a');

    expect(tool.seen).toEqual([
      ['a', 3, { reason: 'why', json: true }],
      ['a', undefined, {}],
    ]);
    expect(tool.statuses).toEqual([7, 7]);
    expect(tool.contexts[0]).toEqual({ reason: 'why', json: true });
  });

  it.each<[string, readonly string[], object]>([
    ['before it', ['--dir', '/a', 'do'], { dir: '/a' }],
    ['after it', ['do', '--dir', '/a'], { dir: '/a' }],
    ['on both sides: what stands after it counts', ['--dir', '/a', 'do', '--dir', '/b'], { dir: '/b' }],
    ['nowhere', ['do'], {}],
  ])('takes a common option %s', async (_where, argv, values) => {
    const tool = programWith({});

    await tool.run(...argv);

    expect(tool.seen).toEqual([[values]]);
  });

  it.each<[string, NonNullable<CommandSpec<object>['options']>[number], readonly string[], object]>([
    ['its fallback', { flags: '--count <n>', about: '', fallback: 3 }, [], { count: 3 }],
    ['its parsed value', { flags: '--count <n>', about: '', parse: NUMBER }, ['--count', '4'], { count: 4 }],
    [
      'a list',
      { flags: '--id <id>', about: '', repeatable: true },
      ['--id', 'a', '--id', 'b'],
      { id: ['a', 'b'] },
    ],
    [
      'a list of parsed values',
      { flags: '--id <id>', about: '', repeatable: true, parse: NUMBER },
      ['--id', '1', '--id', '2'],
      { id: [1, 2] },
    ],
    [
      'what it implies',
      { flags: '--all', about: '', implies: { id: 'x' } },
      ['--all'],
      { all: true, id: 'x' },
    ],
  ])('sees of an option %s', async (_what, option, argv, values) => {
    const tool = programWith({ options: [option] });

    await tool.run('do', ...argv);

    expect(tool.seen).toEqual([[values]]);
  });

  it('reads an option from the environment where it is not typed', async () => {
    process.env.TOOL_TEST_WORD = 'from the environment';
    const tool = programWith({ options: [{ flags: '--word <text>', about: '', env: 'TOOL_TEST_WORD' }] });

    await tool.run('do');
    await tool.run('do', '--word', 'typed');
    delete process.env.TOOL_TEST_WORD;

    expect(tool.seen).toEqual([[{ word: 'from the environment' }], [{ word: 'typed' }]]);
  });

  it.each<[string, NonNullable<CommandSpec<object>['options']>, readonly string[], number | null]>([
    [
      'with what it excludes',
      [
        { flags: '--all', about: '', excludes: ['one'] },
        { flags: '--one', about: '' },
      ],
      ['--all', '--one'],
      2,
    ],
    [
      'alone',
      [
        { flags: '--all', about: '', excludes: ['one'] },
        { flags: '--one', about: '' },
      ],
      ['--all'],
      null,
    ],
    ['from its choices', [{ flags: '--on <x>', about: '', choices: ['a', 'b'] }], ['--on', 'b'], null],
    ['that is needed', [{ flags: '--reason <text>', about: '', required: true }], ['--reason', ''], null],
  ])('is run or not with an option %s', async (_what, options, argv, status) => {
    const tool = programWith({ options });

    expect(await tool.run('do', ...argv)).toBe(status);
    expect(tool.seen).toHaveLength(status === null ? 1 : 0);
  });

  it('sees of an option that takes several words a list of parsed values', async () => {
    const tool = programWith({ options: [{ flags: '--id <id...>', about: '', parse: NUMBER }] });

    await tool.run('do', '--id', '1', '2', '--id', '3');

    expect(tool.seen).toEqual([[{ id: [1, 2, 3] }]]);
  });

  it('shows in its help what a fallback is in words, where the value tells people nothing', async () => {
    const fallback = { flags: '--wait <ms>', about: 'How long', fallback: 30_000 };
    const [shown, bare] = [{ ...fallback, shown: 'half a minute' }, fallback].map((option) =>
      programWith({ options: [option] }),
    );

    await shown?.run('do', '--help');
    await bare?.run('do', '--help');

    expect(shown?.said.out).toContain('How long (default: half a minute)');
    expect(bare?.said.out).toContain('How long (default: 30000)');
  });

  it.each([
    ['an option', { options: [{ flags: '--it <x>', about: '', parse: refusing }] }, ['--it', 'one']],
    ['an argument', { arguments: [{ name: '<it>', about: '', parse: refusing }] }, ['one']],
  ])('is told by the hint of our own error what %s must be', async (_what, command, argv) => {
    const tool = programWith(command);

    expect(await tool.run('do', ...argv)).toBe(2);
    expect(tool.said.err.split('\n')[0]).toMatch(/'one'.*\. Write [^.]+(?:\.[^.]+)*\.$/);
  });

  it('does not take a mistake in a parser for one of the person who typed', async () => {
    const parse = () => {
      throw new RangeError('a mistake');
    };
    const tool = programWith({ options: [{ flags: '--it <x>', about: '', parse }] });

    expect(await tool.run('do', '--it', 'one')).toBe(1);
    expect(tool.said.err).toContain('RangeError: a mistake');
  });

  it('has an answer where it declares one, and none elsewhere', async () => {
    const answer = z.object({ n: z.number() });
    const { program } = programWith(
      {},
      { commands: [{ ...spec('with'), answer: async () => answer }, spec('without')] },
    );
    const answers = await Promise.all(program.commands.map((command) => answerOf(command)));

    expect(answers).toEqual([answer, null]);
  });

  it('takes each of several arguments by itself', async () => {
    const tool = programWith({ arguments: [{ name: '<n...>', about: '', parse: NUMBER }] });

    await tool.run('do', '1', '2');

    expect(tool.seen).toEqual([[[1, 2], {}]]);
  });

  it.each<[string, Partial<CommandSpec<object>>, readonly string[]]>([
    [
      'an option it needs is missing',
      { options: [{ flags: '--reason <text>', about: '', required: true }] },
      ['do'],
    ],
    [
      'an option is none of its choices',
      { options: [{ flags: '--on <x>', about: '', choices: ['a'] }] },
      ['do', '--on', 'b'],
    ],
    [
      'an argument is none of its choices',
      { arguments: [{ name: '<x>', about: '', choices: ['a'] }] },
      ['do', 'b'],
    ],
    ['nobody knows the option', {}, ['do', '--nope']],
    ['nobody knows the command', {}, ['redo']],
  ])('is not run where %s', async (_why, command, argv) => {
    const tool = programWith(command);

    expect(await tool.run(...argv)).toBe(2);

    expect(tool.seen).toEqual([]);
    expect(tool.said.err).toMatch(/^error: .+\n(?:.+\n)*? {2}hint: the same command with --help/);
  });

  it('names a slip of the pen before what is missing', async () => {
    const tool = programWith({ options: [{ flags: '--reason <text>', about: '', required: true }] });

    await tool.run('do', '--raeson', 'why');

    expect(tool.said.err).toContain('--raeson');
  });

  it('is in its group, which says what it is for, once for all of it', () => {
    const { program } = programWith({ name: 'pin old remove' });
    const pin = program.commands.find((command) => command.name() === 'pin');
    const old = pin?.commands.find((command) => command.name() === 'old');

    expect([pin?.description(), old?.description()]).toEqual(['Pins.', 'Old pins.']);
    expect(old?.commands.map((command) => command.name())).toEqual(['remove']);
    const two = programWith({}, { commands: [spec('pin add'), spec('pin remove')] }).program;
    expect(two.commands.map((command) => command.name())).toEqual(['pin']);
  });

  it('shows its example in its help, and the program what help ends with', async () => {
    const tool = programWith({ example: 'do it' }, { afterHelp: 'THE END' });

    expect(await tool.run('do', '--help')).toBe(0);
    expect(tool.said.out).toContain('Example:\n  $ tool do it');
    await tool.run('--help');
    expect(tool.said.out).toMatch(/do .*Does it\.[\s\S]*THE END/);
  });

  it('without an example shows none, nor does the program end its help with what it was not given', async () => {
    const tool = programWith({});

    await tool.run('do', '--help');
    await tool.run('--help');

    expect(tool.said.out).not.toMatch(/Example|undefined/);
  });
});

describe('a run', () => {
  const failing = (error: unknown) =>
    programWith({
      load: async () => async () => {
        throw error;
      },
    });

  it('that asks for the version ends well', async () => {
    const tool = programWith({});

    expect(await tool.run('--version')).toBe(0);
    expect(tool.said.out).toBe('1.2.3\n');
  });

  it('that is refused says why and what to do, and ends as the catalogue says', async () => {
    const tool = failing(new FairleadError('version/invalid', { value: 'one\u001b[2K' }));

    expect(await tool.run('do')).toBe(2);
    expect(tool.said.err).toMatch(/^error: "one\ufffd\[2K" is not .+\n {2}hint: .+\n$/);
    expect(tool.said.out).toBe('');
  });

  it('that a server refuses ends as that server chose', async () => {
    const refusal = { code: 'policy/unsatisfiable', message: 'no', hint: 'ask', exit: 4 } as const;
    const tool = failing(new FairleadError('agent/refused', refusal));

    expect(await tool.run('do', '--json')).toBe(4);
    expect(JSON.parse(tool.said.out)).toEqual({
      schema: 'fairlead/error@1',
      error: { code: 'policy/unsatisfiable', message: 'no', hint: 'ask' },
    });
  });

  it.each([
    [
      'an error',
      new TypeError('undefined is not a function'),
      /TypeError: undefined is not a function\n +at /,
    ],
    ['an error without a trace', Object.assign(new Error('plain'), { stack: undefined }), /plain/],
    ['anything else', 'a word', /a word/],
  ])(
    'that meets a mistake of ours says so, with its trace for whoever mends it: %s',
    async (_what, error, trace) => {
      const tool = failing(error);

      expect(await tool.run('do', '--json')).toBe(1);
      expect(JSON.parse(tool.said.out)).toMatchObject({ error: { code: 'internal' } });
      expect(tool.said.err).toMatch(/^error: a mistake in this program\n/);
      expect(tool.said.err).toMatch(trace);
    },
  );

  it('that was typed wrongly says it to programs too, without commander’s own word before it', async () => {
    const tool = programWith({});

    expect(await tool.run('do', '--nope', '--json')).toBe(2);
    expect(JSON.parse(tool.said.out)).toMatchObject({
      error: { code: 'usage', message: "unknown option '--nope'" },
    });
  });

  it('does not send all of a long slip back, and none of it as a terminal would obey it', async () => {
    const tool = programWith({});

    await tool.run('do', `--${'x'.repeat(600)}`);
    expect(tool.said.err.split('\n')[0]).toHaveLength(501);
    await tool.run('do', '--\u001b[2K');
    expect(tool.said.err).not.toContain('\u001b');
  });
});

describe('an answer', () => {
  const outputOf = (json: boolean) => {
    const { said, streams } = listen();
    return { said, output: createOutput('tool', streams.stdout, streams.stderr, json) };
  };

  it('is lines for people, with notes and progress beside them', () => {
    const { said, output } = outputOf(false);
    output.progress('packing', 1, 2);
    output.note('by the way\u001b[2K');
    output.result('answer', ['one\u001b[2K', 'two'], { n: 1 });

    expect(said).toEqual({ out: 'one\ufffd[2K\ntwo\n', err: 'packing …\nby the way\ufffd[2K\n' });
  });

  it('is one document for programs, and nothing beside it', () => {
    const { said, output } = outputOf(true);
    output.progress('packing', 1, 2);
    output.note('by the way');
    output.result('answer', ['one'], { n: 1 });

    expect(said).toEqual({ out: '{"schema":"tool/answer@1","n":1}\n', err: '' });
  });
});

function refusing(): never {
  throw new FairleadError('version/invalid', { value: 'one' });
}

function spec(name: string): CommandSpec<object> {
  return { name, about: '', load: async () => async () => 0 };
}

/** Streams, and what was said to them so far. */
function listen() {
  const said = { out: '', err: '' };
  const to = (name: 'out' | 'err') => ({
    write(text: string) {
      said[name] += text;
    },
  });
  return { said, streams: { stdout: to('out'), stderr: to('err') } };
}
