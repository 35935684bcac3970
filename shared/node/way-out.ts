// The way out to one address, for programs that hold all of undici: through the proxy that the environment names for it, or straight.
import type { LookupFunction } from 'node:net';
import { Agent, type Dispatcher, fetch, type RequestInit as Init, ProxyAgent } from 'undici';
import { proxyOf, readProxies, verifyProxy } from './proxies.ts';

export interface WayOutOptions {
  readonly connectMs: number;
  /** Connections at once; without limit unless given. */
  readonly connections?: number;
  /** Between two pieces of an answer's body. */
  readonly silenceMs?: number;
  /** Says where a name leads, in place of the system; not asked where a proxy looks it up. */
  readonly lookup?: LookupFunction;
}

/** As curl and the agent take the same variables: one rule for who is left out. Error: transport/proxy-invalid. */
export function createWayOut(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
  { connectMs, connections, silenceMs, lookup }: WayOutOptions,
): Dispatcher {
  const proxies = readProxies(environment);
  verifyProxy(proxies, url);
  const proxy = proxyOf(proxies, url);
  const options = {
    ...(connections === undefined ? {} : { connections }),
    ...(silenceMs === undefined ? {} : { bodyTimeout: silenceMs }),
  };
  return proxy === null
    ? new Agent({ ...options, connect: { timeout: connectMs, ...(lookup === undefined ? {} : { lookup }) } })
    : new ProxyAgent({ ...options, connectTimeout: connectMs, uri: proxy });
}

export interface Answered extends Pick<Response, 'status'> {
  readonly headers: Pick<Headers, 'get'>;
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** Node's own `fetch` takes no way out of this library's; what it takes and gives is the same. */
export async function fetchOver(
  dispatcher: Dispatcher,
  url: string,
  options: RequestInit,
): Promise<Answered> {
  return await fetch(url, { ...(options as unknown as Init), dispatcher });
}

/** Nothing more of it is read. */
export async function drop({ body }: Answered): Promise<void> {
  const stream = body as (AsyncIterable<Uint8Array> & { cancel?(): Promise<void> }) | null;
  await stream?.cancel?.().catch(() => undefined);
}
