// What every agent asks for again and again, answered from memory before anything else is made of the request.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { FairleadError } from '../../shared/errors/error.ts';
import { cacheControlOf, mediaOf } from '../repository/names.ts';
import type { PublicFiles } from '../repository/public-files.ts';
import type { SmallFile } from '../repository/store.ts';
import { PROBLEM_TYPE, problemOf } from './failures.ts';
import { isUnchanged } from './routes/repository.ts';
import type { SlowConnections } from './slow-connections.ts';

const PLACE = '/repository/';

export interface Hot {
  readonly files: Pick<PublicFiles, 'peek' | 'find'>;
  /** Whether anybody may have it, by its path below the repository. */
  isPublic(path: string): boolean;
  /** Its status, and how many milliseconds it took. */
  observe(status: number, ms: number): void;
  /** Somebody does not read as fast as it was written. */
  watch: SlowConnections['watch'];
}

export interface HotAnswer {
  readonly status: 200 | 304 | 404;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: Buffer | null;
}

/** The path below the repository; null for what is elsewhere, may be large, or is not for everybody. */
export function hotPathOf(url: string, { isPublic }: Pick<Hot, 'isPublic'>): string | null {
  if (!url.startsWith(PLACE)) return null;
  const path = url.slice(PLACE.length);
  return !path.startsWith('packs/') && isPublic(path) ? path : null;
}

/** As often as a timestamp, each agent asks whether there is a newer root. */
const MISSING_BODY = Buffer.from(
  JSON.stringify(problemOf(new FairleadError('request/not-found', { what: 'such file in the repository' }))),
);
const MISSING: HotAnswer = {
  status: 404,
  headers: [
    ...['cache-control', 'no-store', 'content-type', PROBLEM_TYPE],
    ...['content-length', String(MISSING_BODY.length)],
  ],
  body: MISSING_BODY,
};

/** Null is a file that there is not. */
export function answerOf(file: SmallFile | null, path: string, known: string | undefined): HotAnswer {
  if (file === null) return MISSING;
  const { etag, bytes } = file;
  const about = ['etag', etag, 'cache-control', cacheControlOf(path)];
  if (isUnchanged(known, etag)) return { status: 304, headers: about, body: null };
  const length = ['accept-ranges', 'bytes', 'content-length', String(bytes.length)];
  return { status: 200, headers: [...about, ...length, 'content-type', mediaOf(path)], body: bytes };
}

/** Goes before whatever listens by now: requests that it answers are not seen by anybody else. */
export function answerHotFirst(server: Server, hot: Hot): void {
  const others = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (answer(request, response, hot)) return;
    for (const listener of others) listener.call(server, request, response);
  });
}

/** False where the usual way is to answer: what is not in memory, what asks for more than a file, whoever reads slowly. */
function answer(request: IncomingMessage, response: ServerResponse, hot: Hot): boolean {
  const { method, url = '', headers, socket } = request;
  const path = hotPathOf(url, hot);
  if (method !== 'GET' || path === null || socket.writableLength > 0) return false;
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  if (hasBody || headers.range !== undefined) return false;
  const file = hot.files.peek(path);
  if (file === undefined) return false;
  const began = performance.now();
  const { status, headers: about, body } = answerOf(file, path, headers['if-none-match']);
  response.writeHead(status, [...about]).end(body ?? undefined);
  hot.observe(status, performance.now() - began);
  if (socket.writableLength > 0) hot.watch(request, response);
  return true;
}
