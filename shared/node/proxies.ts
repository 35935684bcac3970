// Which proxies the environment names: read once and checked, so that a slip is named and closes no other way out.
import { BlockList, isIP } from 'node:net';
import { FairleadError } from '../errors/error.ts';

/** Where requests go, as `undici` takes it; empty is no proxy. */
export interface Proxies {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
  /** What cannot be used, each with its variable. */
  readonly slips: readonly ProxySlip[];
}

export interface ProxySlip {
  readonly variable: string;
  readonly problem: string;
  /** The URLs it is for. */
  readonly protocol: 'http:' | 'https:';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** As curl does: lower case first, and `host:port` is an HTTP proxy. Passwords in it appear in no message. */
export function readProxies(environment: Environment): Proxies {
  const slips: ProxySlip[] = [];
  const read = (name: string, protocol: ProxySlip['protocol']) => {
    const variable = [name, name.toUpperCase()].find((one) => (environment[one] ?? '') !== '');
    const value = variable === undefined ? '' : (environment[variable] ?? '');
    if (variable === undefined) return '';
    const url = parseProxy(value);
    if (typeof url === 'string') {
      slips.push({ variable, problem: url, protocol });
      return '';
    }
    return url.href;
  };
  return {
    httpProxy: read('http_proxy', 'http:'),
    httpsProxy: read('https_proxy', 'https:'),
    noProxy: environment.no_proxy ?? environment.NO_PROXY ?? '',
    slips,
  };
}

/** The proxy that requests for `url` go through, password and all; null where they go straight there. The one answer for all. */
export function proxyOf({ httpProxy, httpsProxy, noProxy }: Proxies, url: string): string | null {
  const used = url.startsWith('https:') && httpsProxy !== '' ? httpsProxy : httpProxy;
  return used === '' || isExempt(noProxy, new URL(url)) ? null : used;
}

/**
 * Hosts with all below them, `host:port`, addresses, and networks such as 10.0.0.0/8 or fd00::/8, by comma or blank; `*` is
 * everything. A name is not looked up: what it leads to may be known to the proxy alone.
 */
function isExempt(noProxy: string, { hostname, port, protocol }: URL): boolean {
  const host = oneWriting(hostname);
  const at = port || (protocol === 'https:' ? '443' : '80');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && (entry === '*' || isInNetwork(entry, host) || isNamed(entry, host, at)));
}

function isNamed(entry: string, host: string, at: string): boolean {
  const [, name = '', port = at] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  const bare = oneWriting(name.replace(/^\*?\./, ''));
  if (port !== at || bare === '') return false;
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

/** As URLs write it, without brackets and without the dot of a whole name: fd00:0::1 is fd00::1, and bücher.test is xn--bcher-kva.test. */
function oneWriting(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const written = URL.parse(`http://${isIP(bare) === 6 ? `[${bare}]` : bare}/`)?.hostname ?? bare;
  return written.replace(/^\[(.*)\]$/, '$1');
}

function isInNetwork(entry: string, host: string): boolean {
  const [, address = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128) || isIP(host) === 0) return false;
  const kind = (version: number) => (version === 4 ? 'ipv4' : 'ipv6');
  const network = new BlockList();
  network.addSubnet(address, Number(bits), kind(family));
  return network.check(host, kind(isIP(host)));
}

/** Error: transport/proxy-invalid, for a URL that would go through a proxy that cannot be used. */
export function verifyProxy({ slips, noProxy }: Proxies, url: string): void {
  const slip = slips.find(({ protocol }) => url.startsWith(protocol));
  if (slip !== undefined && !isExempt(noProxy, new URL(url)))
    throw new FairleadError('transport/proxy-invalid', slip);
}

/** For people: without its password; null where requests for `url` go straight there. */
export function describeProxy(proxies: Proxies, url: string): string | null {
  const used = proxyOf(proxies, url);
  return used === null ? null : new URL(used).origin;
}

/** Of an instance: the proxy between it and its server; nothing where there is none. */
export function proxyFor(server: string, proxies: Proxies): { readonly proxy?: string } {
  const proxy = describeProxy(proxies, server);
  return proxy === null ? {} : { proxy };
}

/** undici says it in words alone, of a tunnel and of a request that is passed on. */
export function isProxyRefusal(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    /^Proxy (?:response \(407\)|Authentication Required \(407\))/.test(cause.message)
  );
}

/** What is wrong with it, in words, where something is. */
function parseProxy(value: string): URL | string {
  const text = /^[a-z][\w+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (!URL.canParse(text)) return 'it is no address';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `a proxy of kind ${url.protocol.slice(0, -1)} is not supported`;
  }
  return url.hostname === '' ? 'it names no host' : url;
}
