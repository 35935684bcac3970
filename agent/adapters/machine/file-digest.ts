// A large file as its digest, and copied with it: read once, in pieces, so that what was hashed is what was written.
import { lstat, open } from 'node:fs/promises';
import { createDigester, type Digest } from '../../../shared/encoding/digest.ts';

const PIECE_BYTES = 1 << 20;

/** A copy, never a second name: what is written through the first is not in it. */
export async function copyDurably(source: string, copy: string, mode: number): Promise<Digest> {
  const target = await open(copy, 'wx', mode);
  try {
    const digest = await eachPiece(source, async (piece) => {
      await target.writeFile(piece);
    });
    await target.chmod(mode);
    await target.sync();
    return digest;
  } finally {
    await target.close();
  }
}

/** Null where no file is. */
export async function digestOfFile(path: string): Promise<Digest | null> {
  if (!(await lstat(path).catch(() => null))?.isFile()) return null;
  return await readDigest(path);
}

/** Of whatever the path leads to. Throws what the disk says. */
export async function readDigest(path: string): Promise<Digest> {
  return await eachPiece(path, async () => undefined);
}

async function eachPiece(path: string, take: (piece: Uint8Array) => Promise<void>): Promise<Digest> {
  const digester = createDigester();
  const source = await open(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await source.read(piece, 0, PIECE_BYTES);
      if (bytesRead === 0) return digester.end();
      digester.update(piece.subarray(0, bytesRead));
      await take(piece.subarray(0, bytesRead));
    }
  } finally {
    await source.close();
  }
}
