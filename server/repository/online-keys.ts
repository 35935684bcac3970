// The keys the server signs with: made once, sealed at rest, opened at start.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { isPresent, readIfPresent } from '../../shared/node/read-file.ts';
import type { OnlineKeysReply } from '../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { SEED_BYTES } from '../../shared/trust/ed25519.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import {
  type KeyFile,
  keyFile,
  NONCE_BYTES,
  openKeyFile,
  SALT_BYTES,
  sealKeyFile,
} from '../../shared/trust/keyfile.ts';
import type { Layout } from './layout.ts';

const ROLES = ['snapshot', 'timestamp', 'halts'] as const;
type Role = (typeof ROLES)[number];

export interface OnlineKeys {
  readonly snapshot: SigningKey;
  readonly timestamp: SigningKey;
  /** Counts once the vendor's delegation names it; an `init` of an earlier version made none. */
  readonly halts?: SigningKey;
}

/** Makes the keys that are missing; those that exist stay. Error: vendor/passphrase-short. */
export async function createOnlineKeys(layout: Layout, passphrase: string): Promise<void> {
  await makeDirectory(layout.keys);
  for (const role of ROLES) {
    if (await isPresent(keyPath(layout, role))) continue;
    const file = sealKeyFile({
      seed: randomBytes(SEED_BYTES),
      roles: [role],
      label: `release server, ${role}`,
      passphrase,
      salt: randomBytes(SALT_BYTES),
      nonce: randomBytes(NONCE_BYTES),
    });
    await writeDurably(keyPath(layout, role), utf8(`${JSON.stringify(file, null, 2)}\n`));
  }
}

/** Errors: disk/unreadable, vendor/wrong-passphrase, vendor/key-damaged. */
export async function openOnlineKeys(layout: Layout, passphrase: string): Promise<OnlineKeys> {
  const open = async (role: Role) =>
    openKeyFile(await readKeyFile(layout, role), passphrase, keyPath(layout, role));
  const keys = { snapshot: await open('snapshot'), timestamp: await open('timestamp') };
  return (await isPresent(keyPath(layout, 'halts'))) ? { ...keys, halts: await open('halts') } : keys;
}

export function publicHalves(keys: OnlineKeys): OnlineKeysReply {
  return { snapshot: publicHalf(keys.snapshot), timestamp: publicHalf(keys.timestamp) };
}

/** Hexadecimal. */
export function publicHalf({ key }: SigningKey): string {
  return key.keyval.public;
}

async function readKeyFile(layout: Layout, role: Role): Promise<KeyFile> {
  const path = keyPath(layout, role);
  const bytes = await readIfPresent(path);
  // None is made in its place: agents would refuse what it signs until the root names it.
  if (bytes === null) throw new FairleadError('disk/unreadable', { path, problem: 'there is no such file' });
  return parseDocumentBytes(keyFile, bytes, path);
}

function keyPath(layout: Layout, role: Role): string {
  return join(layout.keys, `${role}.json`);
}
