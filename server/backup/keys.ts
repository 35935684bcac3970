// The keys of backups: one seals, older ones still open, and each is known by an id that says nothing of it.
import { hkdfSync } from 'node:crypto';
import { FairleadError } from '../../shared/errors/error.ts';

export interface BackupKey {
  /** Hexadecimal; stands in the clear before everything that it sealed. */
  readonly id: string;
  readonly secret: Uint8Array;
}

export interface BackupKeys {
  /** Seals from now on. */
  readonly current: BackupKey;
  /** Open what was sealed, this one among them. */
  readonly byId: ReadonlyMap<string, BackupKey>;
}

/** Drawn by chance they hold 128 bits in any writing: no slow derivation has to make up for a short one. */
const LEAST_SIGNS = 32;
const MOST_KEYS = 100;
export const ID_BYTES = 8;
const SECRET_BYTES = 32;

/**
 * A key on each line: the first seals, and all of them open. `from` is where the text stood. Error: backup/key-unfit, which
 * never holds the text.
 */
export function parseBackupKeys(text: string, from: string): BackupKeys {
  const unfit = (problem: string) => new FairleadError('backup/key-unfit', { from, problem });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const keys = lines.flatMap((line, at) => {
    if (line === '') return [];
    if ([...line].length < LEAST_SIGNS)
      throw unfit(`line ${at + 1} is shorter than ${LEAST_SIGNS} characters`);
    return [keyOf(line)];
  });
  const [current] = keys;
  if (current === undefined) throw unfit('it is empty');
  if (keys.length > MOST_KEYS) throw unfit(`it holds more than ${MOST_KEYS} keys`);
  return { current, byId: new Map(keys.map((key) => [key.id, key])) };
}

function keyOf(line: string): BackupKey {
  const id = derive(line, '', 'fairlead backup key id', ID_BYTES).toString('hex');
  return { id, secret: derive(line, '', 'fairlead backup key', SECRET_BYTES) };
}

/** RFC 5869, with SHA-256. */
export function derive(
  secret: string | Uint8Array,
  salt: string | Uint8Array,
  use: string,
  bytes: number,
): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, use, bytes));
}
