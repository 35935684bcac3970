// A tree over a bad line: what was cut is continued, by this agent or the next, and what arrives is verified all the same.
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import type { FairleadError } from '../../../../shared/errors/error.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { serveHttp } from '../../../support/http-server.ts';
import { join, sectionsOf } from './pack-builder.ts';
import { ref, sample, signed, tree } from './world.ts';

const PACK = join(sectionsOf(sample));

const READING_MS = 20;

/** Serves the pack, cuts each answer after so many bytes, and notes where each began. */
async function badLine(bytes: number, pack = PACK) {
  const starts: number[] = [];
  const url = await serveHttp((request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    starts.push(start);
    const rest = pack.subarray(start);
    const range = `bytes ${start}-${pack.length - 1}/${pack.length}`;
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': rest.length, 'content-range': range });
    if (rest.length <= bytes) response.end(rest);
    // A break takes along what the other side has not read yet: here it has a moment to read.
    else response.write(rest.subarray(0, bytes), () => setTimeout(() => response.destroy(), READING_MS));
  });
  const stateDir = temporaryDirectory();
  const http = createHttpClient();
  onTestFinished(() => http.close());
  const open = () =>
    createTreeStore({ stateDir, fetchPack: (_hex, file, limits) => http.download(url, file, limits) });
  return { open, starts };
}

describe('a tree over a line that breaks', () => {
  it('arrives piece by piece, each attempt going on where the last one stopped', async () => {
    const piece = Math.ceil(PACK.length / 4);
    const { open, starts } = await badLine(piece);

    const outcomes: string[] = [];
    for (let attempt = 0; attempt < 20 && !(await open().has(tree)); attempt++) {
      const code = (error: FairleadError) => error.code;
      outcomes.push(
        await open()
          .add(ref)
          .then(() => 'whole', code),
      );
    }

    // A break may take the last bytes with it: an attempt can begin where the one before did, never earlier.
    expect(outcomes).toEqual([...outcomes.slice(1).map(() => 'transport/unreachable'), 'whole']);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts.at(-1)).toBeGreaterThanOrEqual(2 * piece);
    expect(await open().verify(signed)).toEqual([]);
  });

  it('is refused when the pieces do not make what was signed, and fetched from the start after that', async () => {
    const lying = Buffer.from(PACK);
    lying.fill(0, PACK.length >> 1);
    const { open, starts } = await badLine(PACK.length, lying);

    await rejectionOf(open().add(ref));
    await rejectionOf(open().add(ref));

    expect(starts).toEqual([0, 0]);
    expect(await open().has(tree)).toBe(false);
  });
});
