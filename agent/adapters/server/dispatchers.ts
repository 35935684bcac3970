// The dispatchers of all requests: one for the configured server, and for redirects those that look where an address lies.
import { type LookupAddress, lookup as resolveHost } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Neighbourhood, neighbourhoodOf, neighbourhoodsOf } from '../../../shared/node/addresses.ts';
import { proxyOf, verifyProxy } from '../../../shared/node/proxies.ts';
import type { Line } from './ask.ts';
import { type Network, networkOf } from './network.ts';
import { EXCHANGE_LIMITS } from './watch.ts';

export interface Dispatchers {
  /** For what the operator configured. Error: transport/proxy-invalid. */
  direct(url: string): Promise<Line>;
  /** For where a server sends us: only to public addresses, and to where that server is itself. */
  guarded(server: URL, target: URL): Promise<Line>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Between two pieces of a body. */
const STALL_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;

/** TLS trusts Node's roots and those of NODE_EXTRA_CA_CERTS, unless the network says more. One for each way out. */
export function createDispatchers(network: Network = networkOf(process.env)): Dispatchers {
  const kept = new Map<string, Promise<Line>>();
  const keep = (key: string, make: () => Promise<Line>): Promise<Line> => {
    const dispatcher = kept.get(key) ?? make();
    kept.set(key, dispatcher);
    return dispatcher;
  };
  return {
    async direct(url) {
      verifyNetwork(network, url);
      const proxy = proxyOf(network.proxies, url);
      return await keep(`${proxy} `, () => createDispatcher(network, proxy));
    },
    async guarded(server, { href }) {
      verifyNetwork(network, href);
      const own = await neighbourhoodsOf(server.hostname);
      const proxy = proxyOf(network.proxies, href);
      const key = `${proxy} ${[...own].sort().join()}`;
      // A client certificate is for the configured server alone, as every credential is.
      const { cert: _, key: __, ...tls } = network.tls;
      return await keep(key, () => createDispatcher({ tls }, proxy, guardedLookup(own)));
    },
    async close() {
      for (const each of kept.values()) await (await each).close();
      kept.clear();
    },
  };
}

/** For addresses that came from this server: wherever they lead, as far as a redirect of its own would. */
export function createDispatchersFrom(server: string, network: Network): Dispatchers {
  const own = createDispatchers(network);
  const from = new URL(server);
  const guarded = async (target: URL) => {
    if (await isReachableFrom(from, target)) return await own.guarded(from, target);
    throw new Error(`${target.host} is an address inside this network`);
  };
  return {
    direct: (url) => guarded(new URL(url)),
    guarded: (_, target) => guarded(target),
    close: own.close,
  };
}

/** Errors: transport/network-invalid, transport/proxy-invalid. */
export function verifyNetwork({ proxies, problem }: Network, url: string): void {
  if (problem !== null)
    throw new FairleadError('transport/network-invalid', { path: 'network.json', problem });
  verifyProxy(proxies, url);
}

/** A name is judged by the lookup, when it is connected to; an address in a URL is never looked up. */
export async function isReachableFrom(server: URL, target: URL): Promise<boolean> {
  const address = target.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) === 0) return true;
  return isAllowed(address, await neighbourhoodsOf(server.hostname));
}

function isAllowed(address: string, own: ReadonlySet<Neighbourhood>): boolean {
  const neighbourhood = neighbourhoodOf(address);
  return neighbourhood === 'public' || own.has(neighbourhood);
}

/** Here, and not before the request: a name may resolve to something else a moment later (DNS rebinding). */
function guardedLookup(own: ReadonlySet<Neighbourhood>): LookupFunction {
  return (host, options, done) => {
    resolveHost(host, { ...options, all: true }, (error, found: LookupAddress[] = []) => {
      const allowed = found.filter(({ address }) => isAllowed(address, own));
      const [first] = allowed;
      if (error !== null) done(error, '');
      else if (first === undefined) done(new Error(`${host} is an address inside this network`), '');
      else if (options.all === true) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}

async function createDispatcher(
  network: Pick<Network, 'tls'>,
  proxy: string | null,
  lookup?: LookupFunction,
): Promise<Line> {
  const { ca, ...own } = network.tls;
  const believed = ca === undefined ? {} : { ca: [...ca] };
  const options = {
    allowH2: false,
    connections: 8,
    connectTimeout: CONNECT_TIMEOUT_MS,
    headersTimeout: EXCHANGE_LIMITS.headersMs,
    bodyTimeout: STALL_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const tls = { ...believed, ...own };
  const { Agent } = await loadUndici();
  if (proxy === null)
    return new Agent({ ...options, connect: { ...tls, ...(lookup === undefined ? {} : { lookup }) } });
  const ProxyAgent = await loadProxyAgent();
  // A proxy that speaks TLS itself is not shown who this install is.
  return new ProxyAgent({ ...options, uri: proxy, requestTls: tls, proxyTls: believed });
}

/** Parts of undici alone: its index also loads fetch, WebSocket, mocks and caches, which weigh more. Late: the first request may be long after the start. */
export async function loadUndici() {
  const { default: Agent } = await import('undici/lib/dispatcher/agent.js');
  return { Agent };
}

/** It makes its tunnels by a method that the index gives to all dispatchers. */
async function loadProxyAgent() {
  const [dispatcher, connect, proxy] = await Promise.all([
    import('undici/lib/dispatcher/dispatcher.js'),
    import('undici/lib/api/api-connect.js'),
    import('undici/lib/dispatcher/proxy-agent.js'),
  ]);
  Object.assign(dispatcher.default.prototype, { connect: connect.default });
  return proxy.default;
}
