// The signed repository as static files, cacheable by anyone: metadata needs neither the server's word nor its database, and the rest only where agents alone may have it.
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '../../../shared/errors/error.ts';
import { cacheControlOf, mediaOf } from '../../repository/names.ts';
import type { LargeFile, SmallFile } from '../../repository/store.ts';
import { admitDownload } from '../downloads.ts';
import { defineRawRoute, type Route } from '../route.ts';

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
    respond: async (context, request, reply) => {
      const path = (request.params as { readonly '*': string })['*'];
      const admission = await admitDownload(context, request, path);
      if (admission.kind === 'sent') {
        return reply.status(302).headers({ location: admission.to, 'cache-control': 'no-store' }).send();
      }
      const file = await context.files.find(path);
      if (file === null)
        throw new FairleadError('request/not-found', { what: 'such file in the repository' });
      const forAll = cacheControlOf(path);
      const cacheControl = admission.kind === 'let-in' ? forAll.replace('public', 'private') : forAll;
      return sendFile(request, reply, file, { path, cacheControl });
    },
  }),
];

async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: SmallFile | LargeFile,
  { path, cacheControl }: { readonly path: string; readonly cacheControl: string },
): Promise<FastifyReply> {
  const { headers, method } = request;
  const { etag } = file;
  const about = { etag, 'cache-control': cacheControl };
  if (isUnchanged(headers['if-none-match'], etag)) {
    await release(file);
    return reply.status(304).headers(about).send();
  }
  const size = file.kind === 'small' ? file.bytes.length : file.size;
  const range = parseRange(headers, etag, size);
  if (range === 'unsatisfiable') {
    await release(file);
    throw new FairleadError('request/no-such-range', { available: `bytes */${size}` });
  }
  const { start, end } = range ?? { start: 0, end: size };
  // Before the first header: a store that is away is answered with what is true of that.
  const body = method === 'HEAD' ? await release(file) : await bodyOf(file, start, end);
  if (range !== null) reply.status(206).header('content-range', `bytes ${start}-${end - 1}/${size}`);
  const length = { 'accept-ranges': 'bytes', 'content-length': end - start };
  return reply.headers({ ...about, ...length, 'content-type': mediaOf(path) }).send(body);
}

async function bodyOf(file: SmallFile | LargeFile, start: number, end: number): Promise<Buffer | Readable> {
  return file.kind === 'small' ? file.bytes.subarray(start, end) : file.read(start, end);
}

async function release(file: SmallFile | LargeFile): Promise<void> {
  if (file.kind === 'large') await file.close();
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
