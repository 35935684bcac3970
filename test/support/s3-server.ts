// An S3 implementation of somebody else, on a port of its own: before it the conditions of writes, which it lacks, and the troubles a test asks for.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from '@20minutes/s3rver';
import { DUMMY_ACCOUNT } from '@20minutes/s3rver/lib/models/account.js';
import type { S3Address } from '../../server/core/repository-address.ts';
import { createTurns } from '../../shared/node/turns.ts';

/** Looked for in everything that a program says; it has the signs that make secrets hard to write. */
export const SECRET = 'kanarienvogel/17+gelb';
export const KEY_ID = 'FAIRLEADTEST';
const BUCKET = 'releases';

export interface Asked {
  readonly method: string;
  /** Of the object, with its prefix; empty for the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
}

/** What happens to a request instead of an answer, or on the way to one. */
export type Trouble =
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  /** It is never answered. */
  | { readonly kind: 'hang' }
  /** The connection breaks: before the request is done, after it is done, or in the middle of the answer. */
  | { readonly kind: 'break'; readonly when: 'before' | 'after' | 'within' }
  /** A byte now and then, and never all of them. */
  | { readonly kind: 'trickle' }
  /** As many bytes as there are, and others. */
  | { readonly kind: 'other-bytes' }
  /** Conditions are passed over. */
  | { readonly kind: 'careless' };

export interface S3Server {
  readonly url: string;
  /** Below a prefix of its own. */
  address(prefix: string, changes?: Partial<S3Address>): S3Address;
  /** As a person gives it to a program; the keys are in `environment`. */
  place(prefix: string): string;
  readonly environment: Readonly<Record<string, string>>;
  /** Asked for each request; null lets it pass. */
  trouble: (asked: Asked) => Trouble | null;
  /** What was asked so far. */
  readonly asked: Asked[];
  close(): Promise<void>;
}

export async function startS3(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-s3-'));
  const app = new S3rver({
    directory,
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: BUCKET }],
  });
  DUMMY_ACCOUNT.createKeyPair(KEY_ID, SECRET);
  await app.configureBuckets();
  const serve = app.callback();
  // It writes into the file that it reads from: one request at a time makes it whole, as S3 is.
  const inTurn = createTurns();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = askedOf(request);
    server.asked.push(asked);
    const trouble = server.trouble(asked);
    if (await isTroubled(trouble, request, response)) return;
    await inTurn(async () => {
      const isCareless = trouble?.kind === 'careless';
      if (!isCareless && !(await holds(app, request, asked.key))) {
        await swallow(request);
        return refuse(response, 412, 'PreconditionFailed');
      }
      const done = new Promise<void>((resolve) => response.once('close', resolve));
      serve(request, spoil(response, trouble));
      await done;
    });
  };

  const listener = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const bound = listener.address();
  const url = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
  const keys = { id: KEY_ID, secret: SECRET, session: null };
  const server: S3Server = {
    url,
    address: (prefix, changes = {}) => ({
      ...{ kind: 's3', endpoint: url, region: 'eu-central-1', bucket: BUCKET, prefix: `${prefix}/`, keys },
      place: `s3://${BUCKET}/${prefix}`,
      ...changes,
    }),
    place: (prefix) => `s3://${BUCKET}/${prefix}`,
    environment: {
      AWS_ENDPOINT_URL_S3: url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: KEY_ID,
      AWS_SECRET_ACCESS_KEY: SECRET,
    },
    trouble: () => null,
    asked: [],
    close: async () => {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
      app.logger.exceptions.unhandle();
      app.logger.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return server;
}

function askedOf({ method = '', url = '' }: IncomingMessage): Asked {
  const { pathname, searchParams: query } = new URL(url, 'http://s3');
  return { method, key: decodeURIComponent(pathname).slice(BUCKET.length + 2), query };
}

/** True where nothing more is to be done. */
async function isTroubled(
  trouble: Trouble | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (trouble?.kind === 'hang') return true;
  if (trouble?.kind === 'break' && trouble.when === 'before') {
    request.destroy();
    return true;
  }
  if (trouble?.kind === 'trickle') {
    await swallow(request);
    response.writeHead(200, { 'content-length': 1_000, etag: '"slow"' });
    const timer = setInterval(() => response.write('x'), 100);
    response.once('close', () => clearInterval(timer));
    return true;
  }
  const isSigned = request.headers.authorization?.startsWith('AWS4-HMAC-SHA256') === true;
  if (isSigned && trouble?.kind !== 'refuse') return false;
  await swallow(request);
  if (trouble?.kind === 'refuse') refuse(response, trouble.status, trouble.code);
  else refuse(response, 403, 'AccessDenied');
  return true;
}

/** RFC 9110 §13.1, for the two writes that S3 has conditions for, and for parts of one object. */
async function holds(app: S3rver, { headers, method }: IncomingMessage, key: string): Promise<boolean> {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match === undefined && noneMatch === undefined) return true;
  const etag = await app.store.getMetadata(BUCKET, key).then(
    (found) => found.etag,
    () => null,
  );
  if (match !== undefined) return etag === match;
  return method === 'GET' || etag === null;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>asked for by a test</Message></Error>`,
  );
}

/** Changes what is about to be written to the caller. */
function spoil(response: ServerResponse, trouble: Trouble | null): ServerResponse {
  if (trouble?.kind === 'break') {
    const end = response.end.bind(response);
    if (trouble.when === 'after') {
      response.write = () => true;
      response.end = () => response.destroy();
    } else {
      const write = response.write.bind(response);
      response.write = (chunk: Buffer) => write(chunk.subarray(0, chunk.length >> 1));
      response.end = () => (response.headersSent ? response.destroy() : end());
    }
  }
  if (trouble?.kind === 'other-bytes') {
    const write = response.write.bind(response);
    response.write = (chunk: Buffer) => write(Buffer.from(chunk).reverse());
  }
  return response;
}

async function swallow(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}
