// What every command works with: where to print, whom to ask, and how.

import type { Progress } from '../../shared/cli/progress.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { safeJson } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { readSecret } from '../../shared/node/named-file.ts';
import type { Style } from '../../shared/present/table.ts';
import type { LogsRequest } from '../../shared/protocol/upkeep.ts';
import type { AdminClient } from '../adapters/admin/admin-client.ts';
import type { Clock } from '../ports/machine.ts';

export interface DownloadQuestion {
  readonly files: readonly string[];
  /** Of the vendor's root metadata, which came over a way that is trusted. */
  readonly root: string;
  /** Address of a server, or a directory with a copy of its repository. */
  readonly from: string;
  /** `suite/capability` that the files are released as. */
  readonly component: string;
  /** What counts as now. */
  readonly at: EpochMs;
  /** Where it is said how servers are reached from here. */
  readonly stateDir: string;
}

export interface VerifiedDownload {
  /** When the first of the signatures behind this answer ends. */
  readonly expires: EpochMs | null;
  /** The newest version that is released there. */
  readonly newest: string;
  readonly files: readonly {
    readonly file: string;
    readonly digest: Digest;
    readonly version: string;
    /** What it is called in the release. */
    readonly path: string;
    /** Those that affect this version. */
    readonly advisories: readonly string[];
  }[];
}

export interface CliContext {
  readonly stateDir: string;
  /** IANA name of the zone this terminal lives in. */
  readonly zone: string;
  /** Of an approver's key, from the environment. */
  readonly passphrase: string | undefined;
  /** Print one JSON value and nothing else. */
  readonly json: boolean;
  /** A person sits at the other end: questions may be asked. */
  readonly interactive: boolean;
  readonly style: Style;
  readonly client: AdminClient;
  readonly clock: Clock;
  /** As the agent would answer, where none runs. Errors: service/no-log, change/no-log, setting/unreadable, disk/*. */
  readLogsAtRest(request: LogsRequest): Promise<readonly string[]>;
  /** Errors: trust/*, transport/*, tree/*, file/missing, disk/*. */
  verifyDownload(question: DownloadQuestion): Promise<VerifiedDownload>;
  /** One or more whole lines. */
  print(text: string): void;
  /** How far something is, beside what is printed; clear it before a line is. */
  readonly progress: Progress;
  confirm(question: string): Promise<boolean>;
  /** Nothing of the answer is shown. */
  askSecret(question: string): Promise<string>;
}

/** `--json` prints the agent's own answer; people get `render`. */
export function show<Reply>(
  context: CliContext,
  reply: Reply,
  render: (reply: Reply) => readonly string[],
): void {
  context.print(context.json ? safeJson(reply, 2) : render(reply).join('\n'));
}

/** Only a person is asked: a script has said what it wants by calling. */
export async function agreed(
  context: CliContext,
  options: { readonly yes?: boolean },
  question: string,
): Promise<boolean> {
  if (options.yes === true || !context.interactive) return true;
  return await context.confirm(question);
}

export interface PassphraseOptions {
  readonly passphraseFile?: string;
}

/** Error: vendor/no-passphrase. */
export async function readPassphrase(
  context: CliContext,
  options: PassphraseOptions,
  question: string,
): Promise<string> {
  if (options.passphraseFile !== undefined) return readSecret(options.passphraseFile);
  if (context.passphrase !== undefined) return context.passphrase;
  if (context.interactive) return await context.askSecret(question);
  throw new FairleadError('vendor/no-passphrase', { problem: 'none was given and nobody can be asked' });
}

/** For a new key; typed twice at a terminal. Error: vendor/no-passphrase. */
export async function choosePassphrase(context: CliContext, options: PassphraseOptions): Promise<string> {
  const chosen = await readPassphrase(context, options, 'Passphrase for the new key:');
  const isTyped = options.passphraseFile === undefined && context.passphrase === undefined;
  if (isTyped && (await context.askSecret('The same again:')) !== chosen) {
    throw new FairleadError('vendor/no-passphrase', { problem: 'the two did not match' });
  }
  return chosen;
}
