// Who may speak with the server in the clear: this machine, and a proxy in front of it.
import { isThisMachine } from '../../shared/encoding/hosts.ts';
import { FairleadError } from '../../shared/errors/error.ts';

export interface TlsFiles {
  /** PEM: the server's certificate, then those between it and the authority. */
  readonly cert: string;
  /** PEM, without a passphrase. */
  readonly key: string;
}

export interface Transport {
  /** Addresses and networks of reverse proxies that say who the caller is. */
  readonly trustProxy: readonly string[];
  /** Callers reach a reverse proxy, which speaks TLS with them. */
  readonly behindProxy: boolean;
  /** Null where the server speaks plain HTTP. */
  readonly tls: TlsFiles | null;
}

export interface TransportSettings {
  readonly host: string;
  readonly trustProxy?: readonly string[] | undefined;
  readonly behindProxy?: boolean | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** Tokens and reports travel over it. Errors: server/half-tls, server/needs-tls. */
export function transportOf(settings: TransportSettings): Transport {
  const { host, trustProxy = [], tlsCert: cert, tlsKey: key } = settings;
  if ((cert === undefined) !== (key === undefined)) {
    throw new FairleadError('server/half-tls', { missing: cert === undefined ? '--tls-cert' : '--tls-key' });
  }
  const tls = cert === undefined || key === undefined ? null : { cert, key };
  const behindProxy = settings.behindProxy === true || trustProxy.length > 0;
  if (tls === null && !behindProxy && !isThisMachine(host)) {
    throw new FairleadError('server/needs-tls', { host });
  }
  return { trustProxy, behindProxy, tls };
}

/**
 * Whom an address counts for: of IPv6 everybody has at least a network of 64 bits, and could come from another address
 * with each request.
 */
export function neighbourhoodOf(address: string): string {
  const v4 = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  if (v4 !== undefined || !address.includes(':')) return v4 ?? address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const [left, right] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const given = [...(left ?? [])];
  // What `::` stands for; an address that ends in four decimal numbers has one group less.
  const zeros =
    tail === undefined ? 0 : 8 - given.length - (right?.length ?? 0) - (tail.includes('.') ? 1 : 0);
  const groups = [...given, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...(right ?? [])];
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
