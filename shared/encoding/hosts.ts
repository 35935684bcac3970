// Hosts as people, URLs and sockets write them: which are this machine, and what stands in an address of a scheme of our own.

/** An address of this machine, in either family, as sockets write them. */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127(?:\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})){3}$|^::1$/.test(address);
}

/** A name or address that can mean no other machine. IPv6 may stand in brackets, as in URLs. */
export function isThisMachine(host: string): boolean {
  return host === 'localhost' || isLoopback(host.replace(/^\[(.*)\]$/, '$1'));
}

/**
 * Whether a request was meant for this machine: a page elsewhere, whose name somebody turns to 127.0.0.1 (DNS rebinding), and
 * a proxy that says nothing of whom it speaks for, both come over the loopback, and under another name.
 */
export function isForThisMachine(hostHeader: string | undefined): boolean {
  const [, host = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(hostHeader ?? '') ?? [];
  return isThisMachine(host);
}

export interface Place {
  /** In small letters, without a colon. */
  readonly scheme: string;
  /** Without brackets. */
  readonly host: string;
  /** Null where none is written. */
  readonly port: number | null;
}

const PLACE =
  /^([a-z][a-z0-9+.-]{0,20}):\/\/(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(\d{1,5}))?\/?$/i;
const MOST_PORT = 65_535;

/**
 * `scheme://host:port` and nothing else: what a URL may hold besides, a password among it, has no place there. Null for any
 * other text.
 */
export function parsePlace(text: string): Place | null {
  const [, scheme = '', host = '', digits] = PLACE.exec(text) ?? [];
  // It knows what is an address of either family; of a scheme that it does not know it would take anything.
  if (scheme === '' || !URL.canParse(`http://${host}/`)) return null;
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > MOST_PORT)) return null;
  return { scheme: scheme.toLowerCase(), host: host.toLowerCase().replace(/^\[|\]$/g, ''), port };
}
