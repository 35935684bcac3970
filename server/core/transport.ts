// Who may speak with the server in the clear: this machine, and a proxy in front of it.
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
  if (tls === null && !behindProxy && host !== 'localhost' && !isLoopback(host)) {
    throw new FairleadError('server/needs-tls', { host });
  }
  return { trustProxy, behindProxy, tls };
}

/** This machine itself, in either family. */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127(?:\.\d{1,3}){3}$|^::1$/.test(address);
}
