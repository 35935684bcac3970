// What every agent asks for again and again, answered from memory before anything else is made of the request.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { FairleadError } from '../../shared/errors/error.ts';
import { cacheControlOf, mediaOf } from '../repository/names.ts';
import type { PublicFiles } from '../repository/public-files.ts';
import type { SmallFile } from '../repository/store.ts';
import { PROBLEM_TYPE, problemOf } from './failures.ts';
import { isUnchanged } from './routes/repository.ts';

/** Metadata alone is everybody's, whoever may have the rest. */
const PLACE = '/repository/';
const HOT = `${PLACE}metadata/`;

export interface Hot {
  readonly files: Pick<PublicFiles, 'peek'>;
  /** Its status, and how many milliseconds it took. */
  observe(status: number, ms: number): void;
  /** Somebody does not read as fast as it was written. */
  watch(request: IncomingMessage, response: ServerResponse): void;
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
function answer(request: IncomingMessage, response: ServerResponse, { files, observe, watch }: Hot): boolean {
  const { method, url = '', headers, socket } = request;
  if (method !== 'GET' || !url.startsWith(HOT) || socket.writableLength > 0) return false;
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  if (hasBody || headers.range !== undefined) return false;
  const path = url.slice(PLACE.length);
  const file = files.peek(path);
  if (file === undefined) return false;
  const began = performance.now();
  if (file === null) sendMissing(response);
  else send(response, file, path, headers['if-none-match']);
  observe(response.statusCode, performance.now() - began);
  if (socket.writableLength > 0) watch(request, response);
  return true;
}

function send(response: ServerResponse, { etag, bytes }: SmallFile, path: string, known: string | undefined) {
  const about = ['etag', etag, 'cache-control', cacheControlOf(path)];
  if (isUnchanged(known, etag)) {
    response.writeHead(304, about).end();
    return;
  }
  const body = [
    'accept-ranges',
    'bytes',
    'content-length',
    String(bytes.length),
    'content-type',
    mediaOf(path),
  ];
  response.writeHead(200, [...about, ...body]).end(bytes);
}

/** As often as a timestamp, each agent asks whether there is a newer root. */
const MISSING = Buffer.from(
  JSON.stringify(problemOf(new FairleadError('request/not-found', { what: 'such file in the repository' }))),
);

function sendMissing(response: ServerResponse): void {
  const about = ['cache-control', 'no-store', 'content-type', PROBLEM_TYPE];
  about.push('content-length', String(MISSING.length));
  response.writeHead(404, about).end(MISSING);
}
