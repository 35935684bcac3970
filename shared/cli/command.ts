// One way to define a command, for all three programs: what a person types, what it is for, what is loaded when it runs.
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { isFairleadError } from '../errors/error.ts';
import { describeMisuse } from './output.ts';

export interface ArgumentSpec {
  /** As usage shows it: `<plan>`, or `[file]` where it may be left out. */
  readonly name: string;
  readonly about: string;
  readonly choices?: readonly string[];
  /** Text to value, each of several by itself; throws `InvalidArgumentError` with what it must be, or an error of ours. */
  readonly parse?: (text: string) => unknown;
}

export interface OptionSpec {
  /** As usage shows them: `-y, --yes`, `--reason <text>`, `--accept-risk <advisory...>`. */
  readonly flags: string;
  readonly about: string;
  readonly required?: boolean;
  /** Where it is not given; `shown` says what it is where the value itself tells people nothing. */
  readonly fallback?: unknown;
  readonly shown?: string;
  /** The environment variable that gives it. */
  readonly env?: string;
  readonly choices?: readonly string[];
  /** May be given several times; the value is then a list. */
  readonly repeatable?: boolean;
  /** Options that this one makes unnecessary, with their values. */
  readonly implies?: Readonly<Record<string, unknown>>;
  /** Options, by the names of their values, that make no sense beside it. */
  readonly excludes?: readonly string[];
  readonly parse?: (text: string) => unknown;
}

/** Its values are the arguments in their order, then all options by their names. Answers the exit status. */
export type Run<Context> = (context: Context, ...values: never[]) => Promise<number>;

export interface CommandSpec<Context> {
  /** With its group: `pin add`. */
  readonly name: string;
  readonly about: string;
  /** What a person would type, without the program's name. */
  readonly example?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** What it prints with `--json`; a command without one prints no document. */
  readonly answer?: Answer;
  readonly load: () => Promise<Run<Context>>;
}

/** Loaded late: a command line that only lists its commands needs no schema. */
export type Answer = () => Promise<z.ZodType>;

export interface ProgramSpec<Context> {
  readonly name: string;
  readonly about: string;
  readonly version: string;
  /** Options of every command, before or after its name. */
  readonly common: readonly OptionSpec[];
  /** What a group of commands is for, by its name. */
  readonly groups: Readonly<Record<string, string>>;
  readonly commands: readonly CommandSpec<Context>[];
  /** What help ends with. */
  readonly afterHelp?: string;
  /** Values of all options of the command, the common ones among them. */
  readonly createContext: (
    options: Readonly<Record<string, unknown>>,
    command: CommandSpec<Context>,
  ) => Promise<Context>;
  readonly exit: (status: number) => void;
  /** However a command ended, before that is told. */
  readonly onEnd?: (context: Context) => void;
  /** Where help and complaints about what was typed go; the process's own by default. */
  readonly streams?: Streams;
}

export interface Stream {
  write(text: string): unknown;
}

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** The program as commander knows it: run it with `parseAsync`; help, completion and pages are made from it too. */
export function createProgram<Context>(spec: ProgramSpec<Context>): Command {
  const program = new Command(spec.name)
    .description(spec.about)
    .version(spec.version, '--version', 'print the version')
    // A command may have an option of the program's name: `change open --version`.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(describeMisuse(text)), ...writersOf(spec) });
  for (const option of spec.common) program.addOption(toOption(option));
  if (spec.afterHelp !== undefined) program.addHelpText('after', spec.afterHelp);
  for (const command of spec.commands) addCommand(program, spec, command);
  return program;
}

const answers = new WeakMap<Command, Answer>();

/** What this command prints with `--json`; null where it prints no document. */
export async function answerOf(command: Command): Promise<z.ZodType | null> {
  return (await answers.get(command)?.()) ?? null;
}

/** Before any command is added: each takes them over as it is made. */
function writersOf({ streams }: { readonly streams?: Streams }) {
  if (streams === undefined) return {};
  return {
    writeOut: (text: string) => void streams.stdout.write(text),
    writeErr: (text: string) => void streams.stderr.write(text),
  };
}

function addCommand<Context>(
  program: Command,
  spec: ProgramSpec<Context>,
  command: CommandSpec<Context>,
): void {
  const words = command.name.split(' ');
  const name = words.pop() ?? '';
  const own = groupAt(program, words, spec.groups).command(name).description(command.about);
  if (command.answer !== undefined) answers.set(own, command.answer);
  for (const argument of command.arguments ?? []) own.addArgument(toArgument(argument));
  const options = [...(command.options ?? []), ...spec.common];
  for (const option of options) own.addOption(toOption(option));
  if (command.example !== undefined) {
    own.addHelpText('after', `\nExample:\n  $ ${spec.name} ${command.example}\n`);
  }
  own.action(async () => {
    requireOptions(own, options);
    const values = { ...own.opts(), ...givenBefore(program, own, spec.common) };
    const context = await spec.createContext(values, command);
    const run = await command.load();
    const ended = run(context, ...([...padded(own), values] as never[]));
    spec.exit(await ended.finally(() => spec.onEnd?.(context)));
  });
}

/** After commander has named what it does not know: a slip of the pen is no missing option. */
function requireOptions(command: Command, options: readonly OptionSpec[]): void {
  for (const { flags, required } of options) {
    const name = toOption({ flags, about: '' }).attributeName();
    if (required === true && command.getOptionValue(name) === undefined) {
      command.error(`error: required option '${flags}' not specified`, {
        code: 'commander.missingMandatoryOptionValue',
      });
    }
  }
}

/** An argument that may be left out has its place among the values all the same. */
function padded(command: Command): readonly unknown[] {
  return command.registeredArguments.map((_argument, index) => command.processedArgs[index]);
}

/** A common option given before the command counts, unless it stands after it too. */
function givenBefore(program: Command, command: Command, common: readonly OptionSpec[]): object {
  const names = common.map((option) => toOption(option).attributeName());
  const isGiven = (one: Command, name: string) => one.getOptionValueSource(name) === 'cli';
  const before = names.filter((name) => isGiven(program, name) && !isGiven(command, name));
  return Object.fromEntries(before.map((name) => [name, program.getOptionValue(name)]));
}

function groupAt(
  program: Command,
  words: readonly string[],
  about: Readonly<Record<string, string>>,
): Command {
  let at = program;
  for (const [index, word] of words.entries()) {
    const known = at.commands.find((command) => command.name() === word);
    at = known ?? at.command(word).description(about[words.slice(0, index + 1).join(' ')] ?? '');
  }
  return at;
}

function toArgument({ name, about, choices, parse }: ArgumentSpec): Argument {
  const argument = new Argument(name, about);
  if (choices !== undefined) argument.choices([...choices]);
  if (parse === undefined) return argument;
  const read = named(parse);
  return argument.variadic ? argument.argParser(collecting(read)) : argument.argParser(read);
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.about);
  if (spec.fallback !== undefined) option.default(spec.fallback, spec.shown);
  if (spec.env !== undefined) option.env(spec.env);
  option.implies({ ...spec.implies });
  if (spec.excludes !== undefined) option.conflicts([...spec.excludes]);
  if (spec.choices !== undefined) option.choices([...spec.choices]);
  if (spec.parse === undefined && spec.repeatable !== true) return option;
  const read = named(spec.parse ?? ((text) => text));
  if (spec.repeatable === true || option.variadic) return option.argParser(collecting(read));
  return option.argParser(read);
}

/** Commander names the option or argument in an error of its own kind alone: whatever a parser throws becomes one. */
function named(parse: (text: string) => unknown) {
  return (text: string): unknown => {
    try {
      return parse(text);
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      throw new InvalidArgumentError(`${error.hint.charAt(0).toUpperCase()}${error.hint.slice(1)}.`);
    }
  };
}

function collecting(parse: (text: string) => unknown) {
  return (text: string, before: readonly unknown[] | undefined) => [...(before ?? []), parse(text)];
}

export { InvalidArgumentError };
