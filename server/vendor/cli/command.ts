// What commands of `fairlead-vendor` have in common: options that recur, and whether a command reads, writes or signs.
import {
  type ArgumentSpec,
  type CommandSpec,
  InvalidArgumentError,
  type OptionSpec,
} from '../../../shared/cli/command.ts';
import { isRelease, parseLine, parsePath, parseUrl } from '../../../shared/cli/values.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { MOST_PATCHES } from '../../../shared/protocol/patches.ts';
import { USUAL_PATCHES } from '../core/patch-starts.ts';
import type { Session } from '../workspace/passphrases.ts';
import { withLock } from '../workspace/workspace.ts';

/** `writes` holds the workspace's lock; `signs` also takes keys and publishes at the end. */
export type CommandKind = 'reads' | 'writes' | 'signs';

/** Its values are the arguments in their order, then all options by their names. */
type Work = (session: Session, ...values: never[]) => Promise<void>;

export interface VendorCommand extends Omit<CommandSpec<Session>, 'load' | 'answer'> {
  readonly example: string;
  readonly kind: CommandKind;
  readonly load: () => Promise<Work>;
}

/** A change by its id, or by the release it is about; which of them there is, the workspace knows. */
export const A_CHANGE = {
  about: 'such as CHG-7 or core/auth@1.0.1',
  parse: parseChange,
} satisfies Partial<ArgumentSpec>;

function parseChange(text: string): string {
  if (/^CHG-\d{1,9}$/.test(text) || isRelease(text)) return text;
  throw new InvalidArgumentError(
    'It must be a change such as CHG-7, or the release it is about, such as core/auth@1.0.1.',
  );
}

export const REASON = (about: string): OptionSpec => ({
  flags: '--reason <text>',
  about,
  required: true,
  parse: parseLine,
});

/** Of an act that needs none: whoever reads the audit later will ask. */
export const WHY: OptionSpec = {
  flags: '--reason <text>',
  about: 'why; kept in the audit',
  parse: parseLine,
};

/** Of what publishes releases. */
export const PATCHES: readonly OptionSpec[] = [
  {
    flags: '--patches <n>',
    about: 'make patches from so many releases before; 0 makes none',
    fallback: USUAL_PATCHES.most,
    parse: parsePatches,
  },
  { flags: '--small', about: 'make patches as small as can be, however long it takes' },
];

export interface PatchOptions {
  readonly patches: number;
  readonly small?: boolean;
}

function parsePatches(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= MOST_PATCHES) return Number(text);
  throw new InvalidArgumentError(`It must be a number from 0 to ${MOST_PATCHES}.`);
}

export const PASSPHRASE = (about: string): OptionSpec => ({
  flags: '--passphrase-file <file>',
  about: `${about} (else $FAIRLEAD_PASSPHRASE, else asked)`,
  parse: parsePath,
});

export const COMMON: readonly OptionSpec[] = [
  {
    flags: '--dir <dir>',
    about: 'the workspace (default: $FAIRLEAD_VENDOR_DIR, else the current directory)',
    parse: parsePath,
  },
  { flags: '--json', about: 'answer with one JSON document' },
];

/** Whoever looks after the fleet may have another token than the workspace, or no workspace at all. */
export const FLEET_PLACE: readonly OptionSpec[] = [
  { flags: '--server <url>', about: 'the release server (default: the workspace’s)', parse: parseUrl },
  {
    flags: '--token-file <file>',
    about: 'the token to ask with (default: the workspace’s)',
    env: 'FAIRLEAD_FLEET_TOKEN_FILE',
    parse: parsePath,
  },
];

const SIGNING: readonly OptionSpec[] = [
  PASSPHRASE('passphrase of the key files'),
  { flags: '--key <file>', about: 'a key file outside the workspace', repeatable: true, parse: parsePath },
  { flags: '--no-publish', about: 'sign only; `fairlead-vendor publish` sends it later' },
];

export function toCommand({ kind, load, options = [], ...command }: VendorCommand): CommandSpec<Session> {
  return {
    ...command,
    answer: async () => (await import('./answers.ts')).answerTo(command.name),
    options: [...options, ...(kind === 'signs' ? SIGNING : [])],
    load: async () => {
      const work = await load();
      return async (session: Session, ...values: never[]) => {
        if (kind === 'reads') await work(session, ...values);
        else await withLock(session.directory, () => work(session, ...values));
        return EXIT.ok;
      };
    },
  };
}
