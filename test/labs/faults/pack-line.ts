// The line between an install of the laboratory and its packs and patches: a server over HTTP, the agent's own client, and the process that applies.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpSource, joinUrl } from '../../../agent/adapters/repository/http-source.ts';
import { createHttpClient } from '../../../agent/adapters/server/http-client.ts';
import { networkOf } from '../../../agent/adapters/server/network.ts';
import { EXCHANGE_LIMITS, type ExchangeLimits } from '../../../agent/adapters/server/watch.ts';
import { applyBeside } from '../../../agent/adapters/tree-store/patch-beside.ts';
import type { TreeStoreOptions } from '../../../agent/adapters/tree-store/tree-store.ts';
import { ownProgram } from '../../../shared/node/own-parts.ts';
import { PATCHED_FILES } from './patched-releases.ts';

export type Packs = Required<Pick<TreeStoreOptions, 'fetchPack' | 'patches'>>;

/** Goes on where a range says. What is not there is missing. */
export const servePatched: RequestListener = (request, response) => {
  const bytes = PATCHED_FILES.get(request.url?.slice(1) ?? '');
  if (bytes === undefined) return void response.writeHead(404).end();
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const last = bytes.length - 1;
  if (start > last) return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
  const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${last}/${bytes.length}` };
  response.writeHead(start === 0 ? 200 : 206, { ...range, connection: 'close' }).end(bytes.subarray(start));
};

/** The agent's, over a server at `url`. */
export function packsFrom(
  url: string,
  limits: ExchangeLimits = EXCHANGE_LIMITS,
  program: readonly string[] = APPLYING,
): Packs {
  const at = (place: string) => joinUrl(url, place);
  const urls = { metadata: at('metadata'), targets: at('targets'), packs: url };
  const source = createHttpSource(urls, createHttpClient(limits, networkOf({})));
  return {
    fetchPack: (hex, file, { place: _, ...options }) => source.pack(hex, file, { ...options, onProgress }),
    patches: {
      list: (hex) => source.patches(hex),
      fetch: (ends, file, { place: _, ...options }) => source.patch(ends, file, { ...options, onProgress }),
      apply: (work, signal) => applyBeside(work, signal, program),
    },
  };
}

const onProgress = () => undefined;

/** One thread does its disk work, so that calls come in one order. */
const APPLYING = [
  ...['/usr/bin/env', 'UV_THREADPOOL_SIZE=1'],
  ...(process.env.NODE_COMPILE_CACHE === undefined
    ? []
    : [`NODE_COMPILE_CACHE=${process.env.NODE_COMPILE_CACHE}`]),
  ...ownProgram('agent/cli/main.ts'),
  ...['agent', 'patch'],
];

let own: Promise<Packs> | undefined;

/** From a server in this very process, which it does not keep alive. */
export function ownPacks(): Promise<Packs> {
  own ??= new Promise((resolve) => {
    const server = createServer(servePatched);
    server.on('connection', (socket) => socket.unref());
    server.listen(0, '127.0.0.1', () =>
      resolve(packsFrom(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
    );
    server.unref();
  });
  return own;
}
