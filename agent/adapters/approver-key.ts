// An approver's key file, and the receipts that travel from the machine where it is kept.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { z } from 'zod';
import { FairleadError } from '../../shared/errors/error.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import {
  type KeyFile,
  keyFile,
  NONCE_BYTES,
  openKeyFile,
  SALT_BYTES,
  sealKeyFile,
} from '../../shared/trust/keyfile.ts';
import { toDiskError } from './durable-file.ts';
import { readIfPresent } from './read-file.ts';

export interface ApproverKey extends SigningKey {
  readonly name: string;
}

/** Writes a new key, mode 0600, over nothing. Errors: approver/file-exists, disk/*. */
export async function createApproverKey(path: string, name: string, passphrase: string): Promise<KeyFile> {
  const file = sealKeyFile({
    seed: randomBytes(32),
    roles: ['approver'],
    label: name,
    passphrase,
    salt: randomBytes(SALT_BYTES),
    nonce: randomBytes(NONCE_BYTES),
  });
  await writeNew(path, file, 0o600);
  return file;
}

/** Errors: vendor/wrong-passphrase, vendor/key-damaged, document/invalid, json/invalid, approver/no-file. */
export async function openApproverKey(path: string, passphrase: string): Promise<ApproverKey> {
  const file = await readDocument(path, keyFile);
  return { ...openKeyFile(file, passphrase, path), name: file.label };
}

/** The public half needs no passphrase. */
export async function readApproverKey(path: string): Promise<KeyFile> {
  return await readDocument(path, keyFile);
}

export async function readDocument<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const bytes = await readIfPresent(path);
  if (bytes === null) throw new FairleadError('approver/no-file', { path });
  return parseDocumentBytes(schema, bytes, path);
}

/** Never over a file that is there: it may be the only copy of a key. Errors: approver/file-exists, disk/*. */
export async function writeNew(path: string, document: unknown, mode: number): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(document, null, 2)}\n`, { flag: 'wx', mode, flush: true });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new FairleadError('approver/file-exists', { path }, { cause });
    }
    throw toDiskError(path, cause);
  }
}
