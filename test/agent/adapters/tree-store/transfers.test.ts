// What the store says of a tree while it is on its way, over a real line.
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { createTransfers } from '../../../../agent/adapters/tree-store/transfers.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { serveHttp } from '../../../support/http-server.ts';
import { join, sectionsOf } from './pack-builder.ts';
import { ref, sample, tree } from './world.ts';

const PACK = join(sectionsOf(sample));
const HALF = PACK.length >> 1;

/** Serves half of what is wanted, and the rest when it is told to. */
async function slowLine(headers: (rest: Buffer, start: number) => Record<string, string | number>) {
  const answers: { readonly response: ServerResponse; readonly rest: Buffer }[] = [];
  const url = await serveHttp((request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = Buffer.from(PACK.subarray(start));
    response.writeHead(start === 0 ? 200 : 206, headers(rest, start));
    response.write(rest.subarray(0, Math.max(1, HALF - start)));
    answers.push({ response, rest: rest.subarray(Math.max(1, HALF - start)) });
  });
  const http = createHttpClient();
  onTestFinished(() => http.close());
  const store = createTreeStore({
    stateDir: temporaryDirectory(),
    fetchPack: (_hex, file, { onBytes, place: _, ...limits }) =>
      http.download(url, file, { ...limits, onProgress: onBytes }),
  });
  const end = () => {
    for (const { response, rest } of answers.splice(0)) response.end(rest);
  };
  const cut = () => {
    for (const { response } of answers.splice(0)) response.destroy();
  };
  const half = () => expect.poll(() => store.transfers()[0]?.bytes).toBeGreaterThanOrEqual(HALF);
  return { store, end, cut, half };
}

describe('a tree on its way', () => {
  it('is told with what came of how much, and no more once it is there', async () => {
    const { store, end, half } = await slowLine((rest) => ({ 'content-length': rest.length }));
    const added = store.add(ref);
    await half();

    expect(store.transfers()).toMatchObject([{ tree, way: 'pack', bytes: HALF, total: PACK.length }]);
    end();
    await added;
    expect(store.transfers()).toEqual([]);
  });

  it('counts what an earlier attempt has brought', async () => {
    const { store, end, cut, half } = await slowLine((rest, start) => ({
      'content-length': rest.length,
      'content-range': `bytes ${start}-${PACK.length - 1}/${PACK.length}`,
    }));
    const first = rejectionOf(store.add(ref));
    await half();
    cut();
    await first;
    expect(store.transfers()).toEqual([]);
    const second = store.add(ref);
    await expect.poll(() => store.transfers()[0]?.bytes).toBe(HALF + 1);

    expect(store.transfers()).toMatchObject([{ bytes: HALF + 1, total: PACK.length }]);
    end();
    await second;
  });

  it('has no size where the server says none', async () => {
    const { store, end, half } = await slowLine(() => ({ 'transfer-encoding': 'chunked' }));
    const added = store.add(ref);
    await half();

    expect(store.transfers()).toMatchObject([{ bytes: HALF, total: null }]);
    end();
    await added;
  });

  it('has no size where the server says one that cannot be true', async () => {
    const { store, cut, half } = await slowLine(() => ({ 'content-length': 2 ** 45 }));
    const refused = rejectionOf(store.add(ref));
    await half();

    expect(store.transfers()).toMatchObject([{ bytes: HALF, total: null }]);
    cut();
    await refused;
  });

  it('is told by the way that it came by last', () => {
    let at = 0;
    const transfers = createTransfers(() => at);
    const [one, other] = [transfers.begin(tree, 'pack'), transfers.begin(tree, 'patch')];
    for (at = 0; at <= 2_000; at += 1_000) {
      one(at, 10_000);
      other(at * 2, 1);
    }
    at = 2_000;

    // Begun again, such as whole after a patch that was of no use: the later one counts.
    expect(transfers.list()).toMatchObject([
      { way: 'patch', bytes: 4_000, total: null, pace: { bytesPerSecond: 2_000, leftMs: null } },
    ]);
    transfers.end(tree);
    expect(transfers.list()).toEqual([]);
  });

  it('is no transfer where nothing is fetched', async () => {
    const store = createTreeStore({
      stateDir: temporaryDirectory(),
      fetchPack: async (_hex, file) => writeFileSync(file, PACK),
    });
    await store.add(ref);
    await store.add(ref);

    expect(store.transfers()).toEqual([]);
  });
});
