// Files over HTTP: capped while they stream, bounded in time, proxied as the environment says, resumed.
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toDiskError } from '../../../shared/errors/error.ts';
import { header, refused } from './answers.ts';
import type { Line } from './ask.ts';
import { createDispatchers, type Dispatchers } from './dispatchers.ts';
import { type Exchange, type ExchangeOptions, exchange } from './exchange.ts';
import { type Network, networkOf } from './network.ts';
import { EXCHANGE_LIMITS, type ExchangeLimits } from './watch.ts';

export type HttpAnswer =
  | { readonly kind: 'body'; readonly bytes: Uint8Array; readonly etag: string | null }
  /** The server still has what `etag` names. */
  | { readonly kind: 'not-modified' }
  /** 403, 404 or 410: object stores answer 403 for what they do not have. */
  | { readonly kind: 'missing'; readonly status: number };

export interface GetOptions {
  readonly maxBytes: number;
  readonly etag?: string;
  readonly signal?: AbortSignal | undefined;
  /** Shown to this server alone, and to none that it sends us to. */
  readonly authorization?: string | undefined;
}

export interface DownloadOptions {
  readonly maxBytes: number;
  /** Bytes now in the file, those of an earlier attempt included, and how many it will be where the answer says so. */
  readonly onProgress?: (bytes: number, total: number | null) => void;
  readonly signal?: AbortSignal;
  readonly authorization?: string | undefined;
}

export interface HttpClient {
  /** The whole body. Errors: transport/*. */
  get(url: string, options: GetOptions): Promise<HttpAnswer>;
  /**
   * Downloads to a file and continues where an earlier attempt stopped. What is in the file is not verified and not
   * durable: when it proves wrong, remove it before the next attempt. Errors: transport/*, disk/*.
   */
  download(url: string, path: string, options: DownloadOptions): Promise<void>;
  /** The line to the configured server, for requests of another kind. */
  connect(url: string): Promise<Line>;
  /** Ends idle connections, so that a short-lived program can exit. */
  close(): Promise<void>;
}

export function createHttpClient(
  limits: ExchangeLimits = EXCHANGE_LIMITS,
  network: Network = networkOf(process.env),
): HttpClient {
  return createHttpClientOver(createDispatchers(network), limits);
}

/** The same over other ways out. */
export function createHttpClientOver(dispatchers: Dispatchers, limits: ExchangeLimits): HttpClient {
  return {
    connect: dispatchers.direct,
    close: dispatchers.close,
    get(url, { maxBytes, etag, authorization, signal }) {
      const headers = given({ 'if-none-match': etag, authorization });
      return exchange(url, headers, { dispatchers, limits, signal }, (one) => readAnswer(url, one, maxBytes));
    },
    async download(url, path, options) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await resume(url, path, options, { dispatchers, limits, signal: options.signal });
    },
  };
}

function given(headers: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

async function readAnswer(url: string, { answer, whole }: Exchange, maxBytes: number): Promise<HttpAnswer> {
  const { statusCode: status } = answer;
  if (status === 304) return { kind: 'not-modified' };
  if (status === 403 || status === 404 || status === 410) return { kind: 'missing', status };
  if (status !== 200) throw refused(url, answer);
  return { kind: 'body', bytes: await whole(maxBytes), etag: header(answer, 'etag') };
}

/** With one of these an answer to a range says when to ask again, and nothing of ranges. */
const LATER: readonly number[] = [408, 425, 429, 503];

async function resume(
  url: string,
  path: string,
  options: DownloadOptions,
  how: ExchangeOptions,
): Promise<void> {
  const size = await sizeOf(path);
  const present = size > options.maxBytes ? 0 : size;
  const { authorization } = options;
  const range = given({ range: present === 0 ? undefined : `bytes=${present}-`, authorization });
  const goOn = () =>
    exchange(url, range, how, async (one): Promise<'saved' | 'failed' | 'no rest'> => {
      const { statusCode } = one.answer;
      if (present > 0 && !isFile(one.answer, present) && !LATER.includes(statusCode)) {
        if (statusCode >= 500) return 'failed';
        // Nothing follows the bytes we have: they are all of it. Else they are not of this file, or something on the way cannot do
        // ranges, gives another part or forbids them: for as long as there are bytes to go on from, nothing would ever come.
        const isAll = statusCode === 416 && header(one.answer, 'content-range') === `bytes */${present}`;
        return isAll ? 'saved' : 'no rest';
      }
      await saveAnswer(url, one, path, present, options);
      return 'saved';
    });
  const first = await goOn();
  // A server that is being restarted fails at anything: what came of a large file is worth a second question.
  const last = first === 'failed' ? await goOn() : first;
  if (last !== 'saved')
    await exchange(url, given({ authorization }), how, (one) => saveAnswer(url, one, path, 0, options));
}

/** The rest of a file of which so many bytes are here. */
function isRest(answer: Exchange['answer'], present: number): boolean {
  const range = header(answer, 'content-range') ?? '';
  return present > 0 && answer.statusCode === 206 && range.startsWith(`bytes ${present}-`);
}

function isFile(answer: Exchange['answer'], present: number): boolean {
  return answer.statusCode === 200 || isRest(answer, present);
}

async function saveAnswer(
  url: string,
  { answer, body }: Exchange,
  path: string,
  present: number,
  { maxBytes, onProgress }: DownloadOptions,
): Promise<void> {
  if (!isFile(answer, present)) throw refused(url, answer);
  const resumed = isRest(answer, present);
  const start = resumed ? present : 0;
  const total = totalOf(answer, start, maxBytes);
  let size = start;
  try {
    // Opened at the first bytes: what is no file must not cost what an earlier attempt brought.
    let file: FileHandle | null = null;
    try {
      for await (const chunk of body(maxBytes - start)) {
        file ??= await open(path, resumed ? 'a' : 'w', 0o600);
        await file.write(chunk);
        size += chunk.length;
        onProgress?.(size, total);
      }
      file ??= await open(path, resumed ? 'a' : 'w', 0o600);
    } finally {
      await file?.close();
    }
  } catch (cause) {
    throw toDiskError(path, cause, maxBytes - size);
  }
}

/** By its own word, as far as that can be true: null where it says none, or more than will be taken. */
function totalOf(answer: Exchange['answer'], start: number, maxBytes: number): number | null {
  const length = header(answer, 'content-length') ?? '';
  const total = /^\d{1,15}$/.test(length) ? start + Number(length) : null;
  return total !== null && total <= maxBytes ? total : null;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
