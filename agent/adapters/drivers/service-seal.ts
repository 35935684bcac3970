// The seal on a service's marker: made with a key that only the agent's account can read, so nobody else can mark a process.
import { createHmac, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';

export interface Seals {
  /** Makes the key where there is none yet. */
  make(marker: string, uid: number): Promise<string>;
  /** What the seal would be; null where nothing was ever sealed. */
  known(marker: string, uid: number): Promise<string | null>;
}

const KEY_BYTES = 32;

/** The key lies in `directory`. */
export function createSeals(directory: string): Seals {
  const path = join(directory, 'seal.key');
  let kept: Buffer | null = null;

  async function readKey(): Promise<Buffer | null> {
    const bytes = await readIfPresent(path).catch((error: unknown) => {
      if (isMomentary(error)) throw error;
      return null;
    });
    kept = bytes?.length === KEY_BYTES ? Buffer.from(bytes) : kept;
    return kept;
  }

  async function makeKey(): Promise<Buffer> {
    kept = randomBytes(KEY_BYTES);
    // A full disk keeps no service from starting: it is found by its pid file, if not by an agent after this one.
    await makeDirectory(directory)
      .then(() => writeFile(path, kept ?? '', { mode: 0o600 }))
      .catch(() => undefined);
    return kept;
  }

  return {
    make: async (marker, uid) => sealOf(kept ?? (await readKey()) ?? (await makeKey()), marker, uid),
    async known(marker, uid) {
      const key = kept ?? (await readKey());
      return key === null ? null : sealOf(key, marker, uid);
    },
  };
}

function sealOf(key: Buffer, marker: string, uid: number): string {
  return `${uid}:${createHmac('sha256', key).update(`${uid}:${marker}`).digest('base64url')}`;
}
