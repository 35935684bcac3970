// Key files of the workspace: making, listing and opening them.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fromHex } from '../../../shared/encoding/bytes.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { readNamed } from '../../../shared/node/named-file.ts';
import { isPresent } from '../../../shared/node/read-file.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { SEED_BYTES } from '../../../shared/trust/ed25519.ts';
import { keyIdOf, publicKeyFromBytes, type SigningKey } from '../../../shared/trust/key.ts';
import {
  type KeyFile,
  keyFile,
  NONCE_BYTES,
  SALT_BYTES,
  sealKeyFile,
} from '../../../shared/trust/keyfile.ts';
import type { OfflineRole, RoleKeys } from '../core/roles.ts';
import type { Session } from './passphrases.ts';
import { listFiles, writeJson } from './workspace.ts';

export interface StoredKey {
  readonly path: string;
  readonly file: KeyFile;
}

/** Those of the workspace, then those named on the command line. */
export async function listKeys(session: Session): Promise<readonly StoredKey[]> {
  const names = (await listFiles(keyDirectory(session))).filter((name) => name.endsWith('.json'));
  const paths = [...names.map((name) => join(keyDirectory(session), name)), ...session.keyFiles];
  return Promise.all(paths.map(readKeyFile));
}

export async function readKeyFile(path: string): Promise<StoredKey> {
  return { path, file: parseDocumentBytes(keyFile, await readNamed(path), path) };
}

/** Makes a new key of the workspace, or keeps the one a killed command made before. */
export function createKey(session: Session, role: OfflineRole, number: number): Promise<StoredKey> {
  const label = `${role}-${number}`;
  return createKeyFile(session, join(keyDirectory(session), `${label}.json`), role, label);
}

/** Never writes over a key: a file that is there already is the answer. Errors: vendor/no-passphrase, vendor/passphrase-short. */
export async function createKeyFile(
  session: Session,
  path: string,
  role: OfflineRole,
  label: string,
): Promise<StoredKey> {
  if (await isPresent(path)) return readKeyFile(path);
  const file = sealKeyFile({
    seed: randomBytes(SEED_BYTES),
    roles: [role],
    label,
    passphrase: await session.passphrases.choose(),
    salt: randomBytes(SALT_BYTES),
    nonce: randomBytes(NONCE_BYTES),
  });
  await writeJson(path, file, 0o600);
  return { path, file };
}

/** A public key as metadata lists it, from its 64 hexadecimal digits. */
export function publicPart(hex: string): RoleKeys['keys'][number] {
  const key = publicKeyFromBytes(fromHex(hex) ?? new Uint8Array());
  return { keyid: keyIdOf(key), key };
}

/**
 * Opens keys that may sign, until `isEnough`. A file of the workspace whose passphrase is another person's is passed
 * over; one named on the command line must open. Errors: vendor/no-key, vendor/wrong-passphrase, …
 */
export async function unlockKeys(
  session: Session,
  role: OfflineRole,
  mayUse: (keyid: string) => boolean,
  isEnough: (keys: readonly SigningKey[]) => boolean,
): Promise<readonly SigningKey[]> {
  const stored = (await listKeys(session)).filter(({ file }) => mayUse(file.keyid));
  // The keys a person named come first: they are why the command was run.
  const isNamed = ({ path }: StoredKey) => session.keyFiles.includes(path);
  const opened: SigningKey[] = [];
  let refusal: unknown = null;
  for (const key of [...stored.filter(isNamed), ...stored.filter((each) => !isNamed(each))]) {
    if (isEnough(opened)) break;
    try {
      opened.push(await session.passphrases.open(key.file, key.path));
    } catch (error) {
      if (isNamed(key) || !isFairleadError(error, 'vendor/wrong-passphrase')) throw error;
      refusal ??= error;
    }
  }
  if (opened.length > 0) return opened;
  throw refusal ?? new FairleadError('vendor/no-key', { role, directory: keyDirectory(session) });
}

export function keyDirectory(session: Session): string {
  return join(session.directory, 'keys');
}
