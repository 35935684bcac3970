// Looks along the way to each of the server's addresses, with the agent's own dispatchers and in bounded time, and says where it ends.
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import { describeProxy, proxyOf } from '../../../shared/node/proxies.ts';
import { REDEEM_PATH } from '../../../shared/protocol/enrolment.ts';
import type { Endpoint, Step } from '../../../shared/protocol/survey.ts';
import { header, unreachable } from './answers.ts';
import { createDispatchers, createDispatchersFrom, isReachableFrom, verifyNetwork } from './dispatchers.ts';
import { exchange } from './exchange.ts';
import { type Network, withoutOwnCertificate } from './network.ts';
import { peekAtPeer, watchingPeer } from './peer.ts';
import { EXCHANGE_LIMITS } from './watch.ts';

export interface SurveyPatience {
  /** Of each step before the request, and of the look after it; a person waits for all of them. */
  readonly stepMs: number;
  readonly wholeMs: number;
}

const PATIENCE: SurveyPatience = { stepMs: 5_000, wholeMs: 15_000 };
const MAX_BYTES = 64 << 10;

/** Where the answer tells whether anybody is there, and which statuses are one. Nothing about this install is sent. */
const PLACES: readonly (readonly [
  use: Endpoint['use'],
  path: string,
  isAnswer: (status: number, type: string) => boolean,
])[] = [
  ['releases', '/repository/metadata/timestamp.json', (status) => status === 200],
  // Only asked for by POST: a server of ours says so in its own words, whatever stands before it passes that on.
  [
    ...(['reports', REDEEM_PATH] as const),
    (status, type) => (status === 404 || status === 405) && /json/i.test(type),
  ],
];

/** `copies` are those that files are fetched from. Never fails, and ends within twenty seconds. */
export async function surveyServer(
  server: string,
  network: Network,
  copies: readonly string[] = network.mirrors ?? [],
  patience = PATIENCE,
): Promise<Endpoint[]> {
  const ways: Way[] = PLACES.map(([use, path, isAnswer]) => {
    return { use, url: `${server}${path}`, isAnswer, network, from: null, patience };
  });
  const toMirrors = withoutOwnCertificate(network);
  const mirrors = copies.map((mirror): Way => {
    const url = `${mirror}/metadata/timestamp.json`;
    return {
      use: 'mirror',
      url,
      isAnswer: (status) => status === 200,
      network: toMirrors,
      from: network.mirrors === null ? server : null,
      patience,
    };
  });
  return await Promise.all([...ways, ...mirrors].map(lookAlong));
}

interface Way {
  readonly use: Endpoint['use'];
  readonly network: Network;
  /** Who sent us there, and only to where a redirect may lead; null for what the operator named. */
  readonly from: string | null;
  readonly patience: SurveyPatience;
  readonly url: string;
  readonly isAnswer: (typeof PLACES)[number][2];
}

type Seen = Partial<Pick<Endpoint, 'addresses' | 'certificate' | 'status' | 'clockAheadMs'>>;

/** Carries what had been seen by then. */
class WayEnds extends Error {
  readonly step: Step;
  readonly why: FairleadError;
  constructor(step: Step, why: FairleadError) {
    super(why.message);
    this.step = step;
    this.why = why;
  }
}

async function lookAlong(way: Way): Promise<Endpoint> {
  const { use, url, network } = way;
  const seen: Seen = {};
  const failure = await follow(way, seen).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof WayEnds)) throw error;
      const { code, message, hint } = error.why;
      return { step: error.step, code, problem: sanitizeLine(message, 500), hint };
    },
  );
  return {
    ...{ use, url, proxy: network.problem === null ? describeProxy(network.proxies, url) : null },
    ...{ addresses: [], certificate: null, status: null, clockAheadMs: null },
    ...seen,
    failure,
  };
}

async function follow(way: Way, seen: Seen): Promise<void> {
  const { url, isAnswer, network, patience } = way;
  try {
    verifyNetwork(network, url);
  } catch (error) {
    throw isFairleadError(error) ? new WayEnds('settings', error) : error;
  }
  const at = new URL(url);
  // A name that only the proxy knows is the proxy's to find.
  const peer = new URL(proxyOf(network.proxies, url) ?? url);
  seen.addresses = await addressesOf(url, peer, patience);
  if (proxyOf(network.proxies, url) === null) await verifyReachable(way, seen.addresses);
  await reach(url, peer, patience);
  const { status, type } = await ask(way, at, seen).catch(async (error: unknown) => {
    if (!isFairleadError(error)) throw error;
    throw await whereItEnds(error, at, way, seen);
  });
  if (isAnswer(status, type)) return;
  const problem = 'no release server of this product answers there';
  throw new WayEnds('answer', new FairleadError('transport/refused', { url, status, problem }));
}

async function addressesOf(url: string, { hostname }: URL, { stepMs }: SurveyPatience): Promise<string[]> {
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  const found = await inTime(stepMs, lookup(name, { all: true })).catch((cause: unknown) => {
    throw new WayEnds('name', unreachable(url, new Error(`${name} has no address (${systemCode(cause)})`)));
  });
  return found.map(({ address }) => address);
}

async function verifyReachable({ url, from }: Way, addresses: readonly string[]): Promise<void> {
  if (from === null) return;
  for (const address of addresses) {
    const at = URL.parse(`https://${address.includes(':') ? `[${address}]` : address}/`);
    if (at !== null && (await isReachableFrom(new URL(from), at))) continue;
    const problem = `the vendor's list leads to ${address}, which is inside this network`;
    throw new WayEnds('name', unreachable(url, new Error(problem)));
  }
}

function reach(
  url: string,
  { hostname, host, port, protocol }: URL,
  { stepMs }: SurveyPatience,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
  });
  socket.once('connect', resolve);
  socket.once('error', reject);
  return inTime(stepMs, promise)
    .catch((cause: unknown) => {
      const problem = `${host} takes no connection (${systemCode(cause)})`;
      throw new WayEnds('connection', unreachable(url, new Error(problem)));
    })
    .finally(() => socket.destroy());
}

async function ask({ network, from, patience: { wholeMs } }: Way, at: URL, seen: Seen) {
  const dispatchers = from === null ? createDispatchers(network) : createDispatchersFrom(from, network);
  const how = {
    dispatchers,
    limits: { ...EXCHANGE_LIMITS, headersMs: wholeMs },
    signal: AbortSignal.timeout(wholeMs),
  };
  try {
    const tell = (certificate: Endpoint['certificate']) => {
      seen.certificate = certificate;
    };
    return await watchingPeer(at, tell, () =>
      exchange(at.href, {}, how, async ({ answer, body }) => {
        const { statusCode: status } = answer;
        Object.assign(seen, { status, clockAheadMs: clockAhead(answer, Date.now()) });
        // A page in its place is told apart by its first bytes.
        for await (const _ of body(MAX_BYTES)) break;
        return { status, type: header(answer, 'content-type') ?? '' };
      }),
    );
  } finally {
    // A connection that is still being made is waited for by nobody.
    void dispatchers.close().catch(() => undefined);
  }
}

function clockAhead(answer: Parameters<typeof header>[0], now: number): number | null {
  const said = Date.parse(header(answer, 'date') ?? '');
  if (Number.isNaN(said)) return null;
  // What a cache kept was said that long ago (RFC 9111 §5.1).
  const age = Number(/^\d{1,9}$/.exec(header(answer, 'age') ?? '')?.[0] ?? 0);
  return Math.round(now - said - age * 1000);
}

/** nginx says it with a page; 496 is its own. */
const WANTS_CERTIFICATE: readonly number[] = [400, 495, 496];
const OF_TLS = /CERT|ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO|SELF_SIGNED|HOSTNAME_MISMATCH|ALERT|INVALID_CA/;

async function whereItEnds(error: FairleadError, at: URL, way: Way, seen: Seen): Promise<WayEnds> {
  const cause = error.cause instanceof Error ? error.cause : error;
  const refusal = /^Proxy response \((\d{3})\)/.exec(cause.message)?.[1];
  if (error.code === 'transport/proxy-refused') return new WayEnds('proxy', error);
  if (refusal !== undefined) {
    const problem = `the proxy does not lead there: its answer was ${refusal}`;
    return new WayEnds('proxy', unreachable(at.href, new Error(problem)));
  }
  if (error.code === 'transport/intercepted' && WANTS_CERTIFICATE.includes(seen.status ?? 0)) {
    const problem = `the answer was ${seen.status}: perhaps it wants to be shown a certificate`;
    return new WayEnds('certificate', unreachable(at.href, new Error(problem)));
  }
  // Since TLS 1.3 who asks for a certificate says so behind the greetings, by hanging up.
  if (seen.certificate != null && seen.status === undefined && way.network.tls.cert === undefined) {
    const problem = 'it hangs up after the greetings: perhaps it wants to be shown a certificate';
    return new WayEnds('certificate', unreachable(at.href, new Error(problem)));
  }
  if (at.protocol !== 'https:' || !OF_TLS.test(`${systemCode(cause)} ${cause.message}`)) {
    return new WayEnds('answer', error);
  }
  const peer = await peekAtPeer(at, way.network, way.patience.stepMs);
  if (peer !== null) seen.certificate = peer.shown;
  if (peer?.problem == null) return new WayEnds('certificate', error);
  return new WayEnds('certificate', unreachable(at.href, new Error(peer.problem)));
}

/** Whatever it goes on doing nobody waits for. */
async function inTime<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
