// The release server as the vendor's program sees it: a few requests with the publisher's token, and clear refusals.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { connectionProblem, FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { readSecret } from '../../../shared/node/named-file.ts';
import { isProxyRefusal } from '../../../shared/node/proxies.ts';
import { ALIVE_MS } from '../../../shared/protocol/events.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import type { VendorConfig } from '../workspace/workspace.ts';
import { parseReply, type Reply, readCapped, succeeded, waitBefore } from './replies.ts';

export interface ServerClient {
  /** Bytes of a public file, null where there is none. */
  fetchFile(path: string): Promise<Uint8Array | null>;
  has(path: string): Promise<boolean>;
  get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>>;
  /** The same with what its headers say. */
  page<Schema extends z.ZodType>(path: string, schema: Schema): Promise<ServerPage<z.output<Schema>>>;
  /** `etag` names the state that is meant. A repetition of one call has no second effect. */
  post<Schema extends z.ZodType>(
    path: string,
    body: object,
    schema: Schema,
    etag?: string,
  ): Promise<z.output<Schema>>;
  /** In place of what is there. */
  put<Schema extends z.ZodType>(
    path: string,
    body: object,
    schema: Schema,
    etag: string,
  ): Promise<z.output<Schema>>;
  /** Text as it comes, until the server ends it or nothing is heard for long. */
  stream(path: string, headers: Readonly<Record<string, string>>): AsyncGenerator<string>;
  remove(path: string, etag?: string): Promise<void>;
  upload(path: string, file: string, onProgress: (done: number, total: number) => void): Promise<void>;
  close(): Promise<void>;
}

export interface ServerPage<Value> {
  readonly value: Value;
  readonly etag: string | undefined;
  /** Where the list goes on (RFC 8288); null at its end. */
  readonly next: string | null;
}

/** What a person is told: what to do where the server cannot be reached, and why nothing happens for a while. */
interface Told {
  readonly next: string;
  note(line: string): void;
}

const UPLOAD_CHUNK_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** Of a stream on which something comes all the time. */
const SILENCE_MS = ALIVE_MS * 3;

/** Errors of every call: vendor/server-unreachable, vendor/server-refused, vendor/file-unreadable for the token, transport/proxy-invalid. */
export async function withServer<T>(
  config: VendorConfig,
  work: (server: ServerClient) => Promise<T>,
  told: Partial<Told> = {},
): Promise<T> {
  const server = await createServerClient(config, {
    next: told.next ?? 'run this again',
    note: told.note ?? (() => undefined),
  });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

async function createServerClient(config: VendorConfig, { next, note }: Told): Promise<ServerClient> {
  const { request } = await import('undici');
  const { createWayOut } = await import('../../../shared/node/way-out.ts');
  const dispatcher = createWayOut(config.server, process.env, { connectMs: CONNECT_TIMEOUT_MS });

  const sendOnce = async (path: string, options: SendOptions): Promise<Reply> => {
    const url = `${config.server}${path}`;
    try {
      const { statusCode, headers, body } = await request(url, { dispatcher, ...options });
      return { url, status: statusCode, headers, body: await readCapped(body, url) };
    } catch (cause) {
      if (isFairleadError(cause)) throw cause;
      throw unreachable(config, cause, next);
    }
  };
  const send = async (path: string, options: SendOptions): Promise<Reply> => {
    const { method, headers = {}, body } = options;
    const asked = { method, hasKey: 'idempotency-key' in headers, isStream: body instanceof Readable };
    for (let waits = 0; ; waits++) {
      const reply = await sendOnce(path, options);
      const answer = { status: reply.status, retryAfter: reply.headers['retry-after'] };
      const seconds = waitBefore(asked, answer, waits);
      if (seconds === null) return reply;
      note(`the server is busy; asking again in ${seconds} seconds`);
      await setTimeout(seconds * 1000);
    }
  };
  const authorization = async () => ({ authorization: `Bearer ${await readSecret(config.tokenFile)}` });

  return {
    fetchFile: async (path) => {
      const reply = await send(path, { method: 'GET' });
      return reply.status === 404 ? null : succeeded(reply).body;
    },
    has: async (path) => {
      const reply = await send(path, { method: 'HEAD', headers: await authorization() });
      return reply.status !== 404 && succeeded(reply).status === 200;
    },
    get: async (path, schema) => {
      const reply = await send(path, { method: 'GET', headers: await authorization() });
      return parseDocument(schema, parseReply(succeeded(reply)), reply.url);
    },
    page: async (path, schema) => {
      const reply = succeeded(await send(path, { method: 'GET', headers: await authorization() }));
      const { etag, link } = reply.headers;
      return {
        value: parseDocument(schema, parseReply(reply), reply.url),
        etag: typeof etag === 'string' ? etag : undefined,
        next: /^<(\/[^>]*)>; rel="next"$/.exec(String(link))?.[1] ?? null,
      };
    },
    stream: async function* (path, headers) {
      const url = `${config.server}${path}`;
      try {
        const all = { ...headers, ...(await authorization()) };
        const options = { dispatcher, headers: all, bodyTimeout: SILENCE_MS } as const;
        const { statusCode: status, headers: told, body } = await request(url, options);
        if (status !== 200) succeeded({ url, status, headers: told, body: await readCapped(body, url) });
        yield* body.setEncoding('utf8');
      } catch (cause) {
        if (isFairleadError(cause)) throw cause;
        throw unreachable(config, cause, next);
      }
    },
    remove: async (path, etag) => {
      const headers = { ...(await authorization()), ...matching(etag) };
      succeeded(await send(path, { method: 'DELETE', headers }));
    },
    post: async (path, body, schema, etag) => {
      const headers = {
        ...(await authorization()),
        ...matching(etag),
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      };
      const reply = await send(path, { method: 'POST', headers, body: JSON.stringify(body) });
      return parseDocument(schema, parseReply(succeeded(reply)), reply.url);
    },
    put: async (path, body, schema, etag) => {
      const headers = { ...(await authorization()), ...matching(etag), 'content-type': 'application/json' };
      const reply = await send(path, { method: 'PUT', headers, body: JSON.stringify(body) });
      return parseDocument(schema, parseReply(succeeded(reply)), reply.url);
    },
    upload: async (path, file, onProgress) => {
      const { headers, body } = await openUpload(file, onProgress);
      succeeded(
        await send(path, { method: 'PUT', headers: { ...(await authorization()), ...headers }, body }),
      );
    },
    close: () => dispatcher.close(),
  };
}

function matching(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { 'if-match': etag };
}

type SendOptions = Pick<Dispatcher.RequestOptions, 'method' | 'body'> & {
  readonly headers?: Record<string, string>;
};

async function openUpload(file: string, onProgress: (done: number, total: number) => void) {
  const { size } = await stat(file);
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
  return { headers, body: Readable.from(readCounted(file, (done) => onProgress(done, size))) };
}

/** Read when asked for: a listener would let the first bytes pass before anyone sends them. */
async function* readCounted(file: string, onProgress: (done: number) => void): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: UPLOAD_CHUNK_BYTES })) {
    yield chunk;
    done += chunk.length;
    onProgress(done);
  }
}

function unreachable({ server }: VendorConfig, cause: unknown, next: string): FairleadError {
  return new FairleadError(
    'vendor/server-unreachable',
    { server, problem: problemOf(cause), next },
    { cause },
  );
}

function problemOf(cause: unknown): string {
  if (isProxyRefusal(cause)) {
    return 'the proxy that HTTPS_PROXY or HTTP_PROXY names asks for a name and a password, and was given none that it takes';
  }
  return connectionProblem(cause);
}
