// How a command is declared: its usage, its options, and whether it reads, writes or signs.
import { type Command, Option } from 'commander';
import type { Session } from '../workspace/session.ts';

/** `writes` holds the workspace's lock; `signs` also takes keys and publishes at the end. */
export type CommandKind = 'reads' | 'writes' | 'signs';

export interface OptionSpec {
  /** As commander writes them: `--track <name>`. */
  readonly flags: string;
  readonly about: string;
  readonly required?: boolean;
  readonly fallback?: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
}

export interface CommandSpec {
  readonly usage: string;
  readonly summary: string;
  readonly example: string;
  readonly kind: CommandKind;
  readonly options?: readonly OptionSpec[];
  readonly run: (session: Session, input: Input) => Promise<void>;
}

/** What a person typed, by its place or its option's name. */
export interface Input {
  argument(position: number): string;
  arguments(): readonly string[];
  text(option: string): string;
  optional(option: string): string | undefined;
  list(option: string): readonly string[];
  flag(option: string): boolean;
}

/** Starts a command with the values of all its options, those every command has included. */
export type StartCommand = (spec: CommandSpec, input: Input) => Promise<void>;

const COMMON: readonly OptionSpec[] = [
  {
    flags: '--dir <dir>',
    about: 'the workspace (default: $FAIRLEAD_VENDOR_DIR, else the current directory)',
  },
  { flags: '--json', about: 'answer with one JSON document' },
];

const SIGNING: readonly OptionSpec[] = [
  {
    flags: '--passphrase-file <file>',
    about: 'passphrase of the key files (else $FAIRLEAD_PASSPHRASE, else asked)',
  },
  { flags: '--key <file>', about: 'a key file outside the workspace', repeatable: true },
  { flags: '--no-publish', about: 'sign only; `fairlead-vendor publish` sends it later' },
];

export function addCommand(parent: Command, spec: CommandSpec, start: StartCommand): void {
  const command = parent.command(spec.usage).summary(spec.summary).description(spec.summary);
  const options = [...(spec.options ?? []), ...(spec.kind === 'signs' ? SIGNING : []), ...COMMON];
  for (const option of options) command.addOption(toOption(option));
  command.addHelpText('after', `\nExample:\n  $ fairlead-vendor ${spec.example}\n`);
  command.action(async () => {
    requireOptions(command, options);
    await start(spec, createInput(command.args, command.opts()));
  });
}

/** Only now: commander would ask for a mandatory option before it says that one was misspelt. */
function requireOptions(command: Command, options: readonly OptionSpec[]): void {
  for (const { flags, required } of options) {
    const isGiven = command.opts()[new Option(flags).attributeName()] !== undefined;
    if (required === true && !isGiven) command.error(`error: required option '${flags}' not specified`);
  }
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.about);
  if (spec.fallback !== undefined) option.default(spec.fallback);
  if (spec.repeatable === true) {
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  }
  return option;
}

function createInput(args: readonly string[], options: Readonly<Record<string, unknown>>): Input {
  const optional = (name: string) => {
    const value = options[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    argument: (position) => args[position] ?? '',
    arguments: () => args,
    text: (name) => optional(name) ?? '',
    optional,
    list: (name) => {
      const value = options[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    flag: (name) => options[name] === true,
  };
}
