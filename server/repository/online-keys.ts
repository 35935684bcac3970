// The two keys the server signs with: made once, sealed at rest, opened at start.
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

const ONLINE_ROLES = ['snapshot', 'timestamp'] as const;
export type OnlineRole = (typeof ONLINE_ROLES)[number];
export type OnlineKeys = Readonly<Record<OnlineRole, SigningKey>>;

/** Makes the keys that are missing; those that exist stay. Error: vendor/passphrase-short. */
export async function createOnlineKeys(layout: Layout, passphrase: string): Promise<void> {
  await makeDirectory(layout.keys);
  for (const role of ONLINE_ROLES) {
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
  const open = async (role: OnlineRole) =>
    openKeyFile(await readKeyFile(layout, role), passphrase, keyPath(layout, role));
  return { snapshot: await open('snapshot'), timestamp: await open('timestamp') };
}

export function publicHalves(keys: OnlineKeys): OnlineKeysReply {
  return { snapshot: keys.snapshot.key.keyval.public, timestamp: keys.timestamp.key.keyval.public };
}

async function readKeyFile(layout: Layout, role: OnlineRole): Promise<KeyFile> {
  const path = keyPath(layout, role);
  const bytes = await readIfPresent(path);
  // None is made in its place: agents would refuse what it signs until the root names it.
  if (bytes === null) throw new FairleadError('disk/unreadable', { path, problem: 'there is no such file' });
  return parseDocumentBytes(keyFile, bytes, path);
}

function keyPath(layout: Layout, role: OnlineRole): string {
  return join(layout.keys, `${role}.json`);
}
