// Whoever answers with TLS: the certificate that a request met, or, where it was not believed, the one that would have been met.
import { X509Certificate } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Agent, request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { dayOf, nameIn } from '../../../shared/node/certificates.ts';
import { proxyOf } from '../../../shared/node/proxies.ts';
import type { Endpoint } from '../../../shared/protocol/survey.ts';
import type { Network } from './network.ts';

export type Certificate = NonNullable<Endpoint['certificate']>;

/** Tells the certificate of whoever `use` connects to under this address, by the very connection that it makes. */
export async function watchingPeer<Result>(
  url: URL,
  tell: (certificate: Certificate) => void,
  use: () => Promise<Result>,
): Promise<Result> {
  const onConnected = (message: unknown) => {
    const { connectParams, socket } = message as { connectParams: { host: string }; socket: TLSSocket };
    const seen = connectParams.host === url.host ? certificateOf(socket) : null;
    if (seen !== null) tell(seen.shown);
  };
  subscribe(CONNECTED, onConnected);
  try {
    return await use();
  } finally {
    unsubscribe(CONNECTED, onConnected);
  }
}

const CONNECTED = 'undici:client:connected';

/**
 * Shakes hands and leaves, whatever is shown there, to say what it is: nothing is sent over it, and no certificate of our own
 * is shown. The same proxy is taken. Null where nobody answers with TLS in time.
 */
export async function peekAtPeer(
  { href }: URL,
  { proxies, tls }: Network,
  timeoutMs: number,
): Promise<{ readonly shown: Certificate; readonly problem: string | null } | null> {
  const proxy = proxyOf(proxies, href);
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof certificateOf>>();
  const agent = new Agent({
    ...(tls.ca === undefined ? {} : { ca: [...tls.ca] }),
    ...(proxy === null ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    rejectUnauthorized: false,
  });
  const outgoing = request(href, { agent });
  const timer = setTimeout(() => resolve(null), timeoutMs);
  outgoing.on('error', () => resolve(null));
  outgoing.on('socket', (socket) => {
    const seen = certificateOf(socket as TLSSocket);
    // Behind a proxy the hands are shaken before the request has its socket.
    if (seen !== null) resolve(seen);
    else socket.once('secureConnect', () => resolve(certificateOf(socket as TLSSocket)));
  });
  const seen = await promise;
  clearTimeout(timer);
  outgoing.destroy();
  agent.destroy();
  return seen;
}

function certificateOf(
  socket: TLSSocket,
): { readonly shown: Certificate; readonly problem: string | null } | null {
  if (!socket.encrypted) return null;
  // The other way of asking answers once for each connection, and not again.
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined) return null;
  const certificate = new X509Certificate(raw);
  const { issuer, validToDate, validFromDate, subjectAltName } = certificate;
  const authority = nameIn(issuer);
  return {
    shown: { authority, ends: formatInstant(validToDate.getTime()) },
    problem: problemOf(socket.authorizationError, {
      ...{ authority, names: namesIn(subjectAltName) },
      ...{ from: dayOf(validFromDate), to: dayOf(validToDate) },
    }),
  };
}

interface Described {
  readonly authority: string;
  readonly names: string;
  readonly from: string;
  readonly to: string;
}

const EXPIRED = /CERT_HAS_EXPIRED/;
const EARLY = /CERT_NOT_YET_VALID/;
const OTHER_NAME = /ALTNAME|HOSTNAME/;

/** As an administrator would say it; null where it is believed. */
function problemOf(error: unknown, { authority, names, from, to }: Described): string | null {
  if (error === null || error === undefined) return null;
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (EXPIRED.test(code)) return `the certificate that ${authority} signed ended on ${to}`;
  if (EARLY.test(code)) return `the certificate that ${authority} signed begins on ${from}`;
  if (OTHER_NAME.test(code)) return `the certificate that ${authority} signed is for ${names}`;
  return `the certificate is signed by ${authority}, whom nothing here believes (${code})`;
}

function namesIn(subjectAltName: string | undefined): string {
  const names = (subjectAltName ?? '').split(', ').slice(0, 5);
  return names.map((one) => nameIn(`CN=${one.replace(/^(?:DNS|IP Address):/, '')}`)).join(', ') || 'no name';
}
