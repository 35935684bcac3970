// What is on its way in: streamed to a file under a cap, and gone again when whoever asked for it is done.
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError, toDiskError } from '../../shared/errors/error.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import type { Layout } from './layout.ts';

/** The file is on disk for good; `use` may move it away. Errors: request/too-large, disk/*, and those of `use`. */
export async function withUpload<Result>(
  layout: Layout,
  body: Readable,
  cap: number,
  use: (file: string) => Promise<Result>,
): Promise<Result> {
  await makeDirectory(layout.uploads);
  const file = join(layout.uploads, randomUUID());
  try {
    await receive(body, cap, file);
    return await use(file);
  } finally {
    await rm(file, { force: true });
  }
}

/** Removes what uploads that were cut off left behind: those to which nothing came for so long. */
export async function clearUploads(layout: Layout, idleMs: number, now: EpochMs): Promise<void> {
  await makeDirectory(layout.uploads);
  for (const name of await readdir(layout.uploads)) {
    const path = join(layout.uploads, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && found.mtimeMs <= now - idleMs) await rm(path, { force: true });
  }
}

async function receive(body: Readable, cap: number, file: string): Promise<void> {
  try {
    await pipeline(body, limit(cap), createWriteStream(file, { flags: 'wx', mode: 0o644, flush: true }));
  } catch (cause) {
    throw cause instanceof Error && 'syscall' in cause ? toDiskError(file, cause) : cause;
  }
}

function limit(cap: number): Transform {
  let received = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (received <= cap) done(null, chunk);
      else done(new FairleadError('request/too-large', { limit: cap }));
    },
  });
}
