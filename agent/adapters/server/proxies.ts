// Which proxies the environment names: read once and checked, so that a slip is named and closes no other way out.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';

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

/** Error: transport/proxy-invalid, for a URL that would go through a proxy that cannot be used. */
export function verifyProxy({ slips }: Proxies, url: string): void {
  const slip = slips.find(({ protocol }) => url.startsWith(protocol));
  if (slip !== undefined) throw new FairleadError('transport/proxy-invalid', slip);
}

/** For people: without its password; null where requests for `url` go straight there. */
export function describeProxy({ httpProxy, httpsProxy, noProxy }: Proxies, url: string): string | null {
  const used = url.startsWith('https:') && httpsProxy !== '' ? httpsProxy : httpProxy;
  if (used === '') return null;
  const { origin } = new URL(used);
  return noProxy === '' ? origin : `${origin}, unless no_proxy=${sanitizeLine(noProxy, 100)} names the host`;
}

/** Of an instance: the proxy between it and its server; nothing where there is none. */
export function proxyFor(server: string, environment: Environment): { readonly proxy?: string } {
  const proxy = describeProxy(readProxies(environment), server);
  return proxy === null ? {} : { proxy };
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
