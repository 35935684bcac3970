// A registry of images (OCI distribution, Docker's version 2): what it answers, with whose leave, and never to anybody else.
import type { Dispatcher } from 'undici';
import { isThisMachine } from '../../encoding/hosts.ts';
import { sanitizeLine } from '../../encoding/text.ts';
import { systemCode } from '../../errors/error.ts';
import { leadsInside } from '../addresses.ts';
import { type Answered, createWayOut, drop, fetchOver } from '../way-out.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

interface RegistryPlace {
  /** Where it is asked, without a path: that of a mirror, where one stands for it. */
  readonly url: string;
  readonly login: Login | null;
}

export interface Registry {
  /** `path` below the repository: `manifests/1.0`, `blobs/sha256:…`. Throws an error that says what is wrong. */
  ask(repository: string, path: string, headers: Readonly<Record<string, string>>): Promise<Answered>;
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;
/** Between two pieces of an answer. */
const SILENCE_MS = 30_000;
const HEADERS_MS = 60_000;
const MOST_REDIRECTS = 5;
const MOST_TOKEN_BYTES = 64 * 1024;

/** Docker's own hub is asked under another name than it goes by. On this machine, and nowhere else, nothing is encrypted. */
export function urlOfRegistry(host: string): string {
  if (host === 'docker.io') return 'https://registry-1.docker.io';
  return `${isThisMachine(host.replace(/:\d+$/, '')) ? 'http' : 'https'}://${host}`;
}

export function createRegistry(
  { url: base, login }: RegistryPlace,
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Registry {
  const origin = new URL(base).origin;
  const ways = new Map<string, Dispatcher>();
  const leaves = new Map<string, string>();

  function wayTo(url: URL): Dispatcher {
    const way =
      ways.get(url.origin) ??
      createWayOut(url.href, environment, { connectMs: CONNECT_MS, silenceMs: SILENCE_MS });
    ways.set(url.origin, way);
    return way;
  }

  function verifyWaiting(url: URL): void {
    if (signal?.aborted === true) throw gaveUp(url, signal);
  }

  async function fetchOne(url: URL, headers: Readonly<Record<string, string>>): Promise<Answered> {
    verifyWaiting(url);
    const late = AbortSignal.timeout(HEADERS_MS);
    const begun = new AbortController();
    const giveUp = () => begun.abort();
    late.addEventListener('abort', giveUp);
    try {
      const whole = signal === undefined ? begun.signal : AbortSignal.any([begun.signal, signal]);
      const options = { headers, redirect: 'manual', signal: whole } as const;
      return await fetchOver(wayTo(url), url.href, options);
    } catch (cause) {
      verifyWaiting(url);
      const why = late.aborted ? 'no answer in time' : systemCode((cause as Error).cause ?? cause);
      throw new Error(`${url.host} cannot be reached: ${why}`, { cause });
    } finally {
      late.removeEventListener('abort', giveUp);
    }
  }

  /** What a registry hands out is often elsewhere: there nobody is told who asks. `url` is where the answer came from. */
  async function follow(from: URL, headers: Readonly<Record<string, string>>, leave: string | undefined) {
    let url = from;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const own = leave !== undefined && url.origin === origin ? { authorization: leave } : {};
      const answer = await fetchOne(url, { ...headers, ...own });
      const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null;
      if (location === null) return { answer, url };
      await drop(answer);
      url = await nextOf(url, location);
    }
    throw new Error(`${from.host} redirects again and again`);
  }

  async function nextOf(from: URL, location: string): Promise<URL> {
    const to = URL.parse(location, from.href);
    const isWeb = to !== null && /^https?:$/.test(to.protocol) && to.username + to.password === '';
    if (!isWeb || (from.protocol === 'https:' && to.protocol !== 'https:')) {
      throw new Error(`${from.host} redirects to what is not encrypted, or no address at all`);
    }
    if (await leadsInside(new URL(base), to))
      throw new Error(`${from.host} redirects to a place inside this network`);
    return to;
  }

  async function leaveFor(challenge: string, repository: string): Promise<string> {
    const parsed = parseChallenge(challenge);
    const isOpen = base.startsWith('http:') && !isThisMachine(new URL(base).hostname);
    if (isOpen && login !== null) {
      throw new Error(`${base} would be told a password that anybody can read on the way: it needs https`);
    }
    if (parsed?.scheme === 'basic' && login !== null) return basic(login);
    const realm = parsed?.scheme === 'bearer' ? URL.parse(parsed.realm) : null;
    if (parsed?.scheme !== 'bearer' || realm === null)
      throw new Error(`${new URL(base).host} asks for a login`);
    const isOwn = realm.origin === origin;
    if (!isOwn && !(realm.protocol === 'https:' && base.startsWith('https:'))) {
      throw new Error(`${new URL(base).host} would have its password sent to ${realm.host}, unencrypted`);
    }
    if (await leadsInside(new URL(base), realm)) {
      throw new Error(`${new URL(base).host} asks for a login at a place inside this network, ${realm.host}`);
    }
    if (parsed.service !== '') realm.searchParams.set('service', parsed.service);
    realm.searchParams.set('scope', `repository:${repository}:pull`);
    const answer = await fetchOne(realm, login === null ? {} : { authorization: basic(login) });
    const body = await readBounded(answer, MOST_TOKEN_BYTES);
    const token = answer.status === 200 ? tokenIn(body) : null;
    if (token === null) throw new Error(`${realm.host} gives no leave for ${repository}: ${answer.status}`);
    return `Bearer ${token}`;
  }

  return {
    async ask(repository, path, headers) {
      const url = new URL(`/v2/${repository}/${path}`, base);
      const first = await follow(url, headers, leaves.get(repository));
      if (first.answer.status !== 401) return first.answer;
      const challenge = first.answer.headers.get('www-authenticate') ?? '';
      await drop(first.answer);
      // Whoever it redirects to would name the place that is told the password.
      if (first.url.origin !== origin) {
        throw new Error(
          `${url.host} redirects to ${first.url.host}, which asks for a login that is none of its own`,
        );
      }
      const leave = await leaveFor(challenge, repository);
      leaves.set(repository, leave);
      return (await follow(url, headers, leave)).answer;
    },
    close: async () => void (await Promise.all([...ways.values()].map((way) => way.destroy()))),
  };
}

/** What came before is kept by whoever asked. */
function gaveUp({ host }: URL, { reason }: AbortSignal): Error {
  const isLate = reason instanceof Error && reason.name === 'TimeoutError';
  const problem = isLate
    ? `${host} has not sent all of it in the time there is; the next attempt goes on where this one ended`
    : `${host} is not waited for any more`;
  return Object.assign(new Error(problem, { cause: reason }), { isFinal: true });
}

/** At most so many bytes of an answer. */
export async function readBounded(answer: Answered, most: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body ?? []) {
    length += piece.length;
    if (length > most) throw new Error('the registry answers with more than was asked for');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function basic({ user, password }: Login): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

interface Challenge {
  readonly scheme: string;
  readonly realm: string;
  readonly service: string;
}

/** RFC 6750 §3, as registries use it. */
function parseChallenge(text: string): Challenge | null {
  const scheme = /^(basic|bearer)\b/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return null;
  const read = (key: string) => new RegExp(`\\b${key}="([^"]*)"`, 'i').exec(text)?.[1] ?? '';
  return { scheme, realm: read('realm'), service: read('service') };
}

function tokenIn(body: Buffer): string | null {
  try {
    const { token, access_token } = JSON.parse(body.toString('utf8'));
    const found = token ?? access_token;
    // It becomes a header.
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : null;
  } catch {
    return null;
  }
}

/** What a registry says of an error, for people. */
export function describeStatus(answer: Answered, host: string, what: string): string {
  const known: Readonly<Record<number, string>> = {
    401: 'it does not know the login, or needs one',
    403: 'the login may not have it',
    404: 'it has no such image',
    429: 'it is asked too often',
  };
  return sanitizeLine(
    `${host} gives no ${what}: ${known[answer.status] ?? `it answers ${answer.status}`}`,
    300,
  );
}
