// The addresses of probes: a port that exists, and a host that the install itself reaches.
import type { Address, ProbeProblem } from './probe-kind.ts';

const MAX_PORT = 65_535;

/** `host:port`, the host possibly in brackets. A port that is no number fails its probe, which says so. */
export function splitAddress(address: string): Address {
  const colon = address.lastIndexOf(':');
  return { host: bare(address.slice(0, colon)), port: Number(address.slice(colon + 1)) };
}

/** Without the brackets of an IPv6 address. */
export function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/** `port` is null where none is written. */
export function addressProblems(
  key: string,
  found: string,
  host: string,
  port: string | null,
): readonly ProbeProblem[] {
  const wrongPort = port === null ? [] : portProblems(key, found, port);
  return wrongPort.length > 0 ? wrongPort : hostProblems(key, found, host);
}

export function portProblems(key: string, found: string, port: string): readonly ProbeProblem[] {
  if (/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) <= MAX_PORT) return [];
  return [{ key, found, expected: `a port from 1 to ${MAX_PORT}`, remedy: 'correct the port' }];
}

/** Probes run on the install itself: no container's network, no wildcard to listen on. */
function hostProblems(key: string, found: string, host: string): readonly ProbeProblem[] {
  const isWildcard = host === '0.0.0.0' || host === '[::]';
  const isSingleWord = /^[^.:[\]]+$/.test(host) && host !== 'localhost';
  if (host !== '' && !isWildcard && !isSingleWord) return [];
  const expected = 'a host that the install itself reaches, such as "127.0.0.1"';
  const remedy = 'probe the loopback address, over a published port for a container';
  return [{ key, found, expected, remedy }];
}
