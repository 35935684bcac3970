// What one run of a command works with, and the passphrases of its keys, each asked for once.

import type { Output } from '../../../shared/cli/output.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { readSecret } from '../../../shared/node/named-file.ts';
import type { SigningKey } from '../../../shared/trust/key.ts';
import type { KeyFile } from '../../../shared/trust/keyfile.ts';
import type { PatchWish } from '../core/patch-starts.ts';
import type { FleetPlace } from './workspace.ts';

export interface Passphrases {
  /** The key inside a file. Errors: vendor/wrong-passphrase, vendor/no-passphrase, vendor/key-damaged. */
  open(file: KeyFile, path: string): Promise<SigningKey>;
  /** A passphrase for new key files; asked for twice at a terminal. Error: vendor/no-passphrase. */
  choose(): Promise<string>;
}

export interface PassphraseOptions {
  readonly file: string | undefined;
  readonly environment: string | undefined;
  readonly isTerminal: boolean;
  readonly openKey: OpenKey;
}

/** `openKeyFile`, which takes its time on purpose. */
export type OpenKey = (file: KeyFile, passphrase: string, path: string) => SigningKey;

const ATTEMPTS = 3;

export function createPassphrases(options: PassphraseOptions): Passphrases {
  const known: string[] = [];
  let given: Promise<string | null> | undefined;

  /** What was given without asking; null when a person has to type it. */
  const readGiven = () => {
    given ??=
      options.file === undefined ? Promise.resolve(options.environment ?? null) : readSecret(options.file);
    return given;
  };

  return {
    open: async (file, path) => {
      const text = await readGiven();
      if (text !== null) return options.openKey(file, text, path);
      for (const passphrase of known) {
        const key = tryOpen(options.openKey, file, passphrase, path);
        if (key !== null) return key;
      }
      for (let attempt = 1; ; attempt++) {
        const typed = await ask(options, `Passphrase for ${path}:`);
        const key =
          attempt < ATTEMPTS
            ? tryOpen(options.openKey, file, typed, path)
            : options.openKey(file, typed, path);
        if (key === null) continue;
        known.push(typed);
        return key;
      }
    },
    choose: async () => {
      const text = (await readGiven()) ?? known[0] ?? (await askTwice(options));
      if (!known.includes(text)) known.push(text);
      return text;
    },
  };
}

function tryOpen(openKey: OpenKey, file: KeyFile, passphrase: string, path: string): SigningKey | null {
  try {
    return openKey(file, passphrase, path);
  } catch (error) {
    if (isFairleadError(error, 'vendor/wrong-passphrase')) return null;
    throw error;
  }
}

async function askTwice(options: PassphraseOptions): Promise<string> {
  const first = await ask(options, 'Passphrase for the new key files:');
  const second = await ask(options, 'The same again:');
  if (first === second) return first;
  throw new FairleadError('vendor/no-passphrase', { problem: 'the two did not match' });
}

async function ask(options: PassphraseOptions, message: string): Promise<string> {
  if (!options.isTerminal) {
    throw new FairleadError('vendor/no-passphrase', {
      problem: 'none was given and there is no terminal to ask at',
    });
  }
  const { askSecret } = await import('../../../shared/cli/output.ts');
  return askSecret(message);
}

export interface Session {
  readonly directory: string;
  readonly out: Output;
  readonly now: () => number;
  /** Account and host: what records and audit name. */
  readonly actor: string;
  readonly passphrases: Passphrases;
  /** True without asking where no person sits there: a script has said what it wants by calling. */
  readonly agrees: (question: string) => Promise<boolean>;
  /** Key files named on the command line, besides those in the workspace. */
  readonly keyFiles: readonly string[];
  /** False with --no-publish: what was signed stays in the workspace. */
  readonly publish: boolean;
  /** Which patches are made; the usual ones where nothing is said. */
  readonly patches?: PatchWish;
  /** Where the fleet is, and by whose right it is asked; the workspace says what is left out. */
  readonly fleet: FleetPlace;
  /** What the program was started with. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Why, as the person at the command line says: it stands beside what is signed, in the audit. */
  readonly reason?: string;
}
