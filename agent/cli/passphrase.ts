// Where the passphrase of an approver's key comes from: a file, the environment, or the person at the terminal.
import { FairleadError } from '../../shared/errors/error.ts';
import { readSecret } from '../../shared/node/named-file.ts';
import type { CliContext } from './context.ts';

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
