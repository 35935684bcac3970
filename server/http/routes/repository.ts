// The signed repository as static files, cacheable by anyone: nothing here needs the server's word, nor its database.
import { extname } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { LargeFile, SmallFile } from '../../repository/public-files.ts';
import { defineRawRoute, type Route } from '../route.ts';

/** One name, many contents: short enough to miss nothing, long enough for a cache to help. */
const TIMESTAMP_CACHE = 'public, max-age=10, must-revalidate';
/** A version or a digest stands in the name: these bytes never change. */
const FOR_GOOD = 'public, max-age=31536000, immutable';

const MEDIA: Readonly<Record<string, string>> = { '.json': 'application/json' };

export const REPOSITORY_ROUTES: readonly Route[] = [
  defineRawRoute({
    method: 'GET',
    path: '/repository/*',
    access: 'public',
    tag: 'agents',
    summary: 'The signed repository: TUF metadata, targets and packs, with ETag and single ranges',
    quiet: true,
    media: 'application/octet-stream',
    example: { params: { '*': 'metadata/timestamp.json' }, excerpt: '"_type":"timestamp"' },
    respond: async ({ files }, request, reply) => {
      const path = (request.params as { readonly '*': string })['*'];
      const file = await files.find(path);
      if (file === null)
        throw new FairleadError('request/not-found', { what: 'such file in the repository' });
      return sendFile(request, reply, file, path);
    },
  }),
];

async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: SmallFile | LargeFile,
  path: string,
): Promise<FastifyReply> {
  const { headers, method } = request;
  reply.headers({
    etag: file.etag,
    'cache-control': path.endsWith('/timestamp.json') ? TIMESTAMP_CACHE : FOR_GOOD,
  });
  if (isUnchanged(headers['if-none-match'], file.etag)) {
    await release(file);
    return reply.status(304).send();
  }
  const size = file.kind === 'small' ? file.bytes.length : file.size;
  const range = parseRange(headers, file.etag, size);
  if (range === 'unsatisfiable') {
    await release(file);
    throw new FairleadError('request/no-such-range', { available: `bytes */${size}` });
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== null) reply.status(206).header('content-range', `bytes ${start}-${end - 1}/${size}`);
  reply.headers({
    'accept-ranges': 'bytes',
    'content-type': MEDIA[extname(path)] ?? 'application/octet-stream',
    'content-length': end - start,
  });
  if (file.kind === 'small') return reply.send(file.bytes.subarray(start, end));
  if (method !== 'HEAD') return reply.send(file.handle.createReadStream({ start, end: end - 1 }));
  await release(file);
  return reply.send();
}

async function release(file: SmallFile | LargeFile): Promise<void> {
  if (file.kind === 'large') await file.handle.close();
}

/** From `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

interface Conditions {
  readonly range?: string | undefined;
  readonly 'if-range'?: string | readonly string[] | undefined;
}

/** RFC 9110 §13.1.2: whoever has one of these has what we would send. */
export function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** One range; null means the whole file, which is also the answer to several ranges and to what is no range. */
export function parseRange(
  headers: Conditions,
  etag: string,
  size: number,
): ByteRange | 'unsatisfiable' | null {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '') ?? [];
  if (from === '' && to === '') return null;
  // RFC 9110 §13.1.5: a part of another file than the one begun would be worse than the whole.
  const ifRange = headers['if-range'];
  if (ifRange !== undefined && ifRange !== etag) return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size : Math.min(size, Number(to) + 1);
  if (to !== '' && from !== '' && Number(to) < start) return null;
  return start < end ? { start, end } : 'unsatisfiable';
}
