// The one door through which webhooks leave: TLS, to an address that was looked at, bounded in time and bytes, following nothing.
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { isThisMachine } from '../../shared/encoding/hosts.ts';
import { FairleadError, systemCode } from '../../shared/errors/error.ts';
import { proxyOf, readProxies } from '../../shared/node/proxies.ts';
import { hasArrived, type Verdict } from '../../shared/protocol/standard-webhooks.ts';
import { createReach, type Reach } from './reach.ts';

/** One answer to a name. */
interface Resolved {
  readonly address: string;
  readonly family: number;
}

export interface DoorOptions {
  /** The operator's own networks that receivers may be in. */
  readonly networks: readonly string[];
  /** Of the server: proxies. */
  readonly environment: NodeJS.ProcessEnv;
  /** Defaults to the system's. */
  readonly resolve?: (name: string) => Promise<readonly Resolved[]>;
}

export interface Outgoing {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came of one attempt. */
export interface Attempt {
  readonly verdict: Verdict;
  /** Null where there was no answer. */
  readonly status: number | null;
  /** In words; null for an answer, whatever it was. */
  readonly problem: string | null;
  /** For how long the receiver asks to be left alone. */
  readonly retryAfterSeconds: number | null;
  readonly tookMs: number;
}

/** What is sent, under an id that each attempt has. */
export interface Message {
  readonly id: string;
  readonly body: string;
}

/** To one receiver; its connections are kept until it is closed. */
export interface Sending {
  /** Messages on their way at once. */
  readonly atOnce: number;
  /** Never throws: what comes of it is the answer. */
  send(message: Message): Promise<Attempt>;
  close(): Promise<void>;
}

/** The same, of what is made of a message. */
export interface Way {
  send(message: Outgoing): Promise<Attempt>;
  close(): Promise<void>;
}

export interface WebhookDoor {
  /** What can be said of an address without asking anybody. Error: webhook/address-refused. */
  verify(url: string): void;
  open(url: string): Promise<Way>;
}

export const ATTEMPT_MS = 15_000;
const CONNECT_MS = 5_000;
/** At once, to one receiver. */
export const CONNECTIONS = 4;
/** Of an answer nothing is read but its status; what is longer is cut off. */
export const MOST_ANSWER_BYTES = 16 * 1024;
export const LONGEST_URL = 2_000;

export function createWebhookDoor({ networks, environment, resolve = ask }: DoorOptions): WebhookDoor {
  const reach = createReach(networks);
  const verify = (text: string) => {
    const problem = problemOf(text, reach);
    if (problem !== null) throw new FairleadError('webhook/address-refused', { problem });
  };
  return {
    verify,
    open: async (url) => {
      // Loaded when the first one is sent.
      const { createWayOut, fetchOver } = await import('../../shared/node/way-out.ts');
      const isSecure = url.startsWith('https:');
      const lookup = lookupWith(resolve, reach, isSecure);
      const dispatcher = createWayOut(url, environment, {
        ...{ connectMs: CONNECT_MS, connections: CONNECTIONS, lookup },
      });
      const isProxied = proxyOf(readProxies(environment), url) !== null;
      return {
        send: async ({ headers, body }) => {
          const began = performance.now();
          const took = () => Math.round(performance.now() - began);
          try {
            verify(url);
            if (isProxied) await verifyName(url, resolve, reach);
            const signal = AbortSignal.timeout(ATTEMPT_MS);
            const options = { method: 'POST', redirect: 'manual', headers, body, signal } as const;
            const answer = await fetchOver(dispatcher, url, options);
            const retryAfterSeconds = secondsIn(answer.headers.get('retry-after'));
            await drain(answer.body).catch(() => undefined);
            const { status } = answer;
            return { verdict: verdictOf(status), status, problem: null, retryAfterSeconds, tookMs: took() };
          } catch (error) {
            const problem = wordsOf(error);
            return { verdict: 'again', status: null, problem, retryAfterSeconds: null, tookMs: took() };
          }
        },
        close: () => dispatcher.destroy(),
      };
    },
  };
}

/** RFC 9110 §15.5.11, and Standard Webhooks: it is gone for good. */
const GONE = 410;

function verdictOf(status: number): Verdict {
  if (hasArrived({ status })) return 'arrived';
  return status === GONE ? 'gone' : 'again';
}

function problemOf(text: string, reach: Reach): string | null {
  if (text.length > LONGEST_URL || !URL.canParse(text))
    return 'it is no address of the form https://host/path';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'it is not https';
  if (url.username !== '' || url.password !== '') return 'it holds a name or a password';
  if (url.hash !== '') return 'it has a fragment, which is never sent';
  const host = hostOf(url);
  // Whatever way it was written in, 0x7f.1 and 2130706433 too, URL writes it as four numbers.
  if (isIP(host) !== 0) return reach.refuse(host, url.protocol === 'https:');
  return url.protocol === 'https:' || isThisMachine(host) ? null : 'it is not https';
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Looked up once: the connection goes to the addresses that were looked at, and to no other that the name has a moment later. */
function lookupWith(
  resolve: NonNullable<DoorOptions['resolve']>,
  reach: Reach,
  isSecure: boolean,
): LookupFunction {
  return (name, { all }, done) => {
    resolveAllowed(name, resolve, reach, isSecure).then(
      (found) => {
        const [first] = found;
        if (all === true) done(null, [...found]);
        else done(null, first?.address ?? '', first?.family);
      },
      (error: NodeJS.ErrnoException) => done(error, ''),
    );
  };
}

/** One bad address among many refuses them all: whoever answers for the name cannot be trusted with the choice. */
async function resolveAllowed(
  name: string,
  resolve: NonNullable<DoorOptions['resolve']>,
  reach: Reach,
  isSecure: boolean,
): Promise<readonly Resolved[]> {
  const found = await resolve(name);
  if (found.length === 0) throw new Error(`${name} has no address`);
  for (const { address } of found) {
    const problem = reach.refuse(address, isSecure);
    if (problem !== null) throw new FairleadError('webhook/address-refused', { problem });
  }
  return found;
}

/** A proxy looks names up by itself: what is known of one here is held against the rules, and what is not is the proxy's to refuse. */
async function verifyName(
  text: string,
  resolve: NonNullable<DoorOptions['resolve']>,
  reach: Reach,
): Promise<void> {
  const url = new URL(text);
  if (isIP(hostOf(url)) !== 0) return;
  const found = await resolve(hostOf(url)).catch(() => []);
  const known = async () => found;
  if (found.length > 0) await resolveAllowed(hostOf(url), known, reach, url.protocol === 'https:');
}

function ask(name: string): Promise<readonly Resolved[]> {
  return systemLookup(name, { all: true });
}

/** So that the connection can be used again; a receiver that says more than that loses it. */
async function drain(body: AsyncIterable<Uint8Array> | null): Promise<void> {
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    if (size > MOST_ANSWER_BYTES) return;
  }
}

const LONGEST_RETRY_AFTER = 86_400;

function secondsIn(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Math.min(Number(header), LONGEST_RETRY_AFTER) : null;
}

/** Of what lies below the library's own words; never what a receiver said. */
function wordsOf(error: unknown): string {
  const cause = error instanceof TypeError && error.cause !== undefined ? error.cause : error;
  if (cause instanceof FairleadError) return cause.message;
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `no answer within ${ATTEMPT_MS / 1_000} s`;
  return `no connection: ${systemCode(cause)}`;
}
