// The dispatchers of all requests: one for the configured server, and for redirects those that look where an address lies.
import { type LookupAddress, lookup as resolveHost } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { type Neighbourhood, neighbourhoodOf, neighbourhoodsOf } from './addresses.ts';
import { type Proxies, readProxies, verifyProxy } from './proxies.ts';
import { EXCHANGE_LIMITS } from './watch.ts';

export interface Dispatchers {
  /** For what the operator configured. Error: transport/proxy-invalid. */
  direct(url: string): Promise<Dispatcher>;
  /** For where a server sends us: only to public addresses, and to where that server is itself. */
  guarded(server: URL): Promise<Dispatcher>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Between two pieces of a body. */
const STALL_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;

/** TLS trusts Node's roots and those of NODE_EXTRA_CA_CERTS; HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured. */
export function createDispatchers(proxies: Proxies = readProxies(process.env)): Dispatchers {
  let direct: Promise<Dispatcher> | null = null;
  const guarded = new Map<string, Promise<Dispatcher>>();
  return {
    async direct(url) {
      verifyProxy(proxies, url);
      direct ??= createDispatcher(proxies);
      return await direct;
    },
    async guarded(server) {
      const own = await neighbourhoodsOf(server.hostname);
      const key = [...own].sort().join();
      const dispatcher = guarded.get(key) ?? createDispatcher(proxies, guardedLookup(own));
      guarded.set(key, dispatcher);
      return dispatcher;
    },
    async close() {
      for (const each of [direct, ...guarded.values()]) await (await each)?.close();
      direct = null;
      guarded.clear();
    },
  };
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

async function createDispatcher(proxies: Proxies, lookup?: LookupFunction): Promise<Dispatcher> {
  const { httpProxy, httpsProxy, noProxy } = proxies;
  const { EnvHttpProxyAgent } = await loadUndici();
  return new EnvHttpProxyAgent({
    ...{ httpProxy, httpsProxy, noProxy },
    allowH2: false,
    connections: 8,
    connectTimeout: CONNECT_TIMEOUT_MS,
    headersTimeout: EXCHANGE_LIMITS.headersMs,
    bodyTimeout: STALL_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    ...(lookup === undefined ? {} : { connect: { lookup } }),
  });
}

/** Parts of undici alone: its index also loads fetch, WebSocket, mocks and caches, which weigh more. The dispatchers, with the methods that the index gives them. Late: the first request may be long after the start. */
export async function loadUndici() {
  const [dispatcher, api, agent, proxyAgent] = await Promise.all([
    import('undici/lib/dispatcher/dispatcher.js'),
    import('undici/lib/api/index.js'),
    import('undici/lib/dispatcher/agent.js'),
    import('undici/lib/dispatcher/env-http-proxy-agent.js'),
  ]);
  Object.assign(dispatcher.default.prototype, api.default);
  return { Agent: agent.default, EnvHttpProxyAgent: proxyAgent.default };
}
