// A server's repository as mirrors and vendors read it: bounded in bytes and in time, resumed, and led nowhere by a stranger.
import { open, stat } from 'node:fs/promises';
import type { Dispatcher } from 'undici';
import { FairleadError, isFairleadError, systemCode, toDiskError } from '../../shared/errors/error.ts';
import { leadsInside } from '../../shared/node/addresses.ts';
import { type Answered, createWayOut, drop, fetchOver } from '../../shared/node/way-out.ts';

export interface Origin {
  readonly url: string;
  /** A file by its path below the repository; null where there is none. Errors: transport/*. */
  read(path: string, maxBytes: number): Promise<Uint8Array | null>;
  /** Into a file, going on where an earlier call stopped. Nothing of it is verified. Errors: transport/*, disk/*. */
  download(path: string, file: string, maxBytes: number, options?: DownloadOptions): Promise<void>;
  /** Waits for nobody: what is still asked for then fails. */
  close(): Promise<void>;
}

export interface DownloadOptions {
  readonly onProgress?: OnProgress;
  /** Gives up before patience ends. */
  readonly withinMs?: number;
}

/** Bytes in the file, and how many it will be; null where nobody says. */
export type OnProgress = (done: number, total: number | null) => void;

/** Whoever is somebody there may be sent on, to an address that is good for some minutes. */
export type Authorization = () => Promise<string>;

const CONNECT_MS = 10_000;
const SILENCE_MS = 30_000;
/** Whoever is slower than sixty-four kilobytes a second is given up; what came of a pack stays. */
const PATIENCE_MS = 60_000;
const BYTES_PER_MS = 64;
/** As long as a timer runs. */
const LONGEST_MS = 2 ** 31 - 1;

const MISSING: readonly number[] = [403, 404, 410];

/** Error: transport/proxy-invalid. */
export function createOrigin(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
  authorization?: Authorization,
): Origin {
  const ways = new Map<string, Dispatcher>();
  const base = url.endsWith('/') ? url : `${url}/`;
  const wayTo = (to: string): Dispatcher => {
    const { origin } = new URL(to);
    const limits = { connectMs: CONNECT_MS, connections: 8, silenceMs: SILENCE_MS };
    const way = ways.get(origin) ?? createWayOut(to, environment, limits);
    ways.set(origin, way);
    return way;
  };
  wayTo(base);

  /** Who leads a mirror elsewhere would have it ask whatever this machine can reach: only who was let in is sent on, once, and never inside. */
  async function fetchOne(at: string, options: RequestInit): Promise<Answered> {
    if (authorization === undefined) return fetchOver(wayTo(at), at, options);
    const shown = { ...options.headers, authorization: await authorization() };
    const answer = await fetchOver(wayTo(at), at, { ...options, headers: shown });
    const to = answer.status === 302 ? URL.parse(answer.headers.get('location') ?? '', at) : null;
    const isPlain = to !== null && to.protocol !== 'https:' && !at.startsWith('http:');
    if (to === null || isPlain || (await leadsInside(new URL(at), to))) return answer;
    await drop(answer);
    return fetchOver(wayTo(to.href), to.href, options);
  }

  async function ask<Result>(
    path: string,
    maxBytes: number,
    from: number,
    use: (answer: Answered, at: string) => Promise<Result>,
    withinMs = Number.POSITIVE_INFINITY,
  ): Promise<Result> {
    const at = base + path;
    const patienceMs = Math.min(PATIENCE_MS + maxBytes / BYTES_PER_MS, LONGEST_MS);
    try {
      const answer = await fetchOne(at, {
        redirect: 'manual',
        headers: { 'accept-encoding': 'identity', ...(from === 0 ? {} : { range: `bytes=${from}-` }) },
        signal: AbortSignal.timeout(Math.floor(Math.max(0, Math.min(patienceMs, withinMs)))),
      });
      // A body that nobody reads would come, and keep the connection, for as long as somebody sends it.
      return await use(answer, at).finally(() => drop(answer));
    } catch (cause) {
      if (isFairleadError(cause)) throw cause;
      const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
      const problem = inner instanceof DOMException ? 'it takes too long' : systemCode(inner);
      throw new FairleadError('transport/unreachable', { url: at, problem }, { cause });
    }
  }

  return {
    url,
    read: (path, maxBytes) =>
      ask(path, maxBytes, 0, async (answer, at) => {
        if (MISSING.includes(answer.status)) return null;
        if (answer.status !== 200) throw refused(at, answer.status);
        const chunks: Uint8Array[] = [];
        for await (const chunk of capped(answer, at, maxBytes)) chunks.push(chunk);
        return Uint8Array.from(Buffer.concat(chunks));
      }),
    async download(path, file, maxBytes, { onProgress, withinMs } = {}) {
      const size = await stat(file).then(
        (found) => found.size,
        () => 0,
      );
      const present = size > maxBytes ? 0 : size;
      const use = async (answer: Answered, at: string) => {
        // Nothing follows what is there: it is all of it, or it is verified in vain.
        if (answer.status === 416) return;
        const range = answer.headers.get('content-range') ?? '';
        const goesOn = answer.status === 206 && range.startsWith(`bytes ${present}-`);
        if (!goesOn && answer.status !== 200) throw refused(at, answer.status);
        const start = goesOn ? present : 0;
        const pieces = told(capped(answer, at, maxBytes - start), start, totalOf(answer, start), onProgress);
        await save(pieces, file, goesOn, maxBytes);
      };
      await ask(path, maxBytes, present, use, withinMs);
    },
    close: async () => void (await Promise.all([...ways.values()].map((way) => way.destroy()))),
  };
}

/** By the word of whoever answers. */
function totalOf({ headers }: Answered, start: number): number | null {
  const length = headers.get('content-length') ?? '';
  return /^\d{1,15}$/.test(length) ? start + Number(length) : null;
}

async function* told(
  pieces: AsyncIterable<Uint8Array>,
  start: number,
  total: number | null,
  onProgress: OnProgress = () => undefined,
): AsyncGenerator<Uint8Array> {
  let done = start;
  for await (const piece of pieces) {
    yield piece;
    done += piece.length;
    onProgress(done, total);
  }
}

async function* capped({ body }: Answered, url: string, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new FairleadError('transport/too-large', { url, limit: maxBytes });
    yield chunk;
  }
}

async function save(
  pieces: AsyncIterable<Uint8Array>,
  file: string,
  goesOn: boolean,
  maxBytes: number,
): Promise<void> {
  const onDisk = (cause: unknown) => toDiskError(file, cause, maxBytes);
  const handle = await open(file, goesOn ? 'a' : 'w', 0o600).catch((cause: unknown) => {
    throw onDisk(cause);
  });
  try {
    for await (const piece of pieces) {
      await handle.write(piece).catch((cause: unknown) => {
        throw onDisk(cause);
      });
    }
  } finally {
    await handle.close();
  }
}

function refused(url: string, status: number): FairleadError {
  return new FairleadError('transport/refused', {
    url,
    status,
    problem: 'the repository has to have this file',
  });
}
