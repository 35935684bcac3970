// An approver's key file: made on the approver's own machine, opened with its passphrase.
import { randomBytes } from 'node:crypto';
import { readDocument, writeNew } from '../../../shared/node/named-file.ts';
import type { SigningKey } from '../../../shared/trust/key.ts';
import {
  type KeyFile,
  keyFile,
  NONCE_BYTES,
  openKeyFile,
  SALT_BYTES,
  sealKeyFile,
} from '../../../shared/trust/keyfile.ts';

export interface ApproverKey extends SigningKey {
  readonly name: string;
}

/** Writes a new key, mode 0600, over nothing. Errors: file/exists, disk/*. */
export async function createApproverKey(path: string, name: string, passphrase: string): Promise<KeyFile> {
  const file = sealKeyFile({
    seed: randomBytes(32),
    roles: ['approver'],
    label: name,
    passphrase,
    salt: randomBytes(SALT_BYTES),
    nonce: randomBytes(NONCE_BYTES),
  });
  await writeNew(path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
  return file;
}

/** Errors: vendor/wrong-passphrase, vendor/key-damaged, document/invalid, json/invalid, file/missing. */
export async function openApproverKey(path: string, passphrase: string): Promise<ApproverKey> {
  const file = await readDocument(path, keyFile);
  return { ...openKeyFile(file, passphrase, path), name: file.label };
}

/** The public half needs no passphrase. */
export async function readApproverKey(path: string): Promise<KeyFile> {
  return await readDocument(path, keyFile);
}
