// Downloads over HTTP: capped while they stream, bounded in time, proxied as the environment says, resumed.
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Dispatcher } from 'undici';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { parseRetryAfter } from '../../core/retry-after.ts';
import { loadUndici } from './undici-parts.ts';

export type HttpAnswer =
  | { readonly kind: 'body'; readonly bytes: Uint8Array; readonly etag: string | null }
  /** The server still has what `etag` names. */
  | { readonly kind: 'not-modified' }
  /** 403, 404 or 410: object stores answer 403 for what they do not have. */
  | { readonly kind: 'missing'; readonly status: number };

export interface GetOptions {
  readonly maxBytes: number;
  readonly etag?: string;
}

export interface DownloadOptions {
  readonly maxBytes: number;
  /** Bytes now in the file, those of an earlier attempt included. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface HttpClient {
  /** The whole body. Errors: transport/unreachable, transport/refused, transport/too-large. */
  get(url: string, options: GetOptions): Promise<HttpAnswer>;
  /**
   * Downloads to a file and continues where an earlier attempt stopped. What is in the file is not verified and not
   * durable: when it proves wrong, remove it before the next attempt. Errors: transport/*, disk/*.
   */
  download(url: string, path: string, options: DownloadOptions): Promise<void>;
  /** The one dispatcher, for requests of another kind. */
  connect(): Promise<Dispatcher>;
  /** Ends idle connections, so that a short-lived program can exit. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 30_000;
/** Between two pieces of a body. */
const STALL_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;
/** Slower than this, after the grace, is a server that only keeps us busy (slow retrieval attack). */
const MIN_BYTES_PER_SECOND = 512;
const RATE_GRACE_MS = 20_000;

/** TLS trusts Node's roots and those of NODE_EXTRA_CA_CERTS; HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured. */
export function createHttpClient(): HttpClient {
  let dispatcher: Promise<Dispatcher> | null = null;
  const connect = () => {
    dispatcher ??= createDispatcher();
    return dispatcher;
  };
  return {
    connect,
    async get(url, { maxBytes, etag }) {
      const answer = await send(await connect(), url, etag === undefined ? {} : { 'if-none-match': etag });
      return await readAnswer(url, answer, maxBytes);
    },
    async download(url, path, options) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await resume(await connect(), url, path, options);
    },
    async close() {
      if (dispatcher !== null) await (await dispatcher).close();
      dispatcher = null;
    },
  };
}

async function createDispatcher(): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await loadUndici();
  return new EnvHttpProxyAgent({
    allowH2: false,
    connections: 8,
    connectTimeout: CONNECT_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: STALL_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
}

async function send(
  dispatcher: Dispatcher,
  url: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url);
  try {
    return await dispatcher.request({
      origin,
      path: pathname + search,
      method: 'GET',
      // A body that is compressed on the way would neither have the signed length nor resume.
      headers: { 'accept-encoding': 'identity', ...headers },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

async function readAnswer(
  url: string,
  answer: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<HttpAnswer> {
  const { statusCode: status } = answer;
  if (status === 200) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of capped(url, answer.body, maxBytes)) chunks.push(chunk);
    return { kind: 'body', bytes: Uint8Array.from(Buffer.concat(chunks)), etag: header(answer, 'etag') };
  }
  await discard(answer);
  if (status === 304) return { kind: 'not-modified' };
  if (status === 403 || status === 404 || status === 410) return { kind: 'missing', status };
  throw refused(url, answer);
}

/** 416 as RFC 9110 says, or a server that takes a range past the end for nonsense. */
const RANGE_REFUSALS = [416, 400];

async function resume(
  dispatcher: Dispatcher,
  url: string,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const size = await sizeOf(path);
  const present = size > options.maxBytes ? 0 : size;
  const range: Record<string, string> = present === 0 ? {} : { range: `bytes=${present}-` };
  const answer = await send(dispatcher, url, range, options.signal);
  if (present === 0 || !RANGE_REFUSALS.includes(answer.statusCode)) {
    return await saveAnswer(url, answer, path, present, options);
  }
  // Nothing follows the bytes we have: they are all of it, or they are not of this file.
  const isComplete = header(answer, 'content-range') === `bytes */${present}`;
  await discard(answer);
  if (isComplete) return;
  await saveAnswer(url, await send(dispatcher, url, {}, options.signal), path, 0, options);
}

async function saveAnswer(
  url: string,
  answer: Dispatcher.ResponseData,
  path: string,
  present: number,
  { maxBytes, onProgress }: DownloadOptions,
): Promise<void> {
  const range = header(answer, 'content-range') ?? '';
  const resumed = answer.statusCode === 206 && range.startsWith(`bytes ${present}-`);
  if (!resumed && answer.statusCode !== 200) {
    await discard(answer);
    throw refused(url, answer);
  }
  const start = resumed ? present : 0;
  let size = start;
  try {
    const file = await open(path, resumed ? 'a' : 'w', 0o600);
    try {
      for await (const chunk of capped(url, answer.body, maxBytes - start)) {
        await file.write(chunk);
        size += chunk.length;
        onProgress?.(size);
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw toDiskError(path, cause, maxBytes - size);
  }
}

/** The pieces of a body until it ends, grows over its cap, or crawls. */
async function* capped(
  url: string,
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const start = performance.now();
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > maxBytes) throw new FairleadError('transport/too-large', { url, limit: maxBytes });
      const elapsedMs = performance.now() - start;
      if (elapsedMs > RATE_GRACE_MS && (size * 1000) / elapsedMs < MIN_BYTES_PER_SECOND) {
        const problem = `slower than ${MIN_BYTES_PER_SECOND} bytes a second`;
        throw new FairleadError('transport/unreachable', { url, problem });
      }
      yield chunk;
    }
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

/** An answer nobody reads must still be drained for its connection to be used again; a long one is cut instead. */
async function discard(answer: Dispatcher.ResponseData): Promise<void> {
  await answer.body.dump({ limit: 16 * 1024 }).catch(() => undefined);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

function header(answer: Dispatcher.ResponseData, name: string): string | null {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : null;
}

function refused(url: string, answer: Dispatcher.ResponseData): FairleadError {
  const retryAfter = parseRetryAfter(header(answer, 'retry-after') ?? '', Date.now());
  return new FairleadError('transport/refused', {
    url,
    status: answer.statusCode,
    problem: 'it does not serve this file now',
    ...(retryAfter === null ? {} : { retryAfterSeconds: retryAfter }),
  });
}

function unreachable(url: string, cause: unknown): FairleadError {
  if (isFairleadError(cause)) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const problem = code || (cause instanceof Error ? cause.message : 'the connection failed');
  return new FairleadError('transport/unreachable', { url, problem }, { cause });
}
