// Requests to an S3 bucket: signed, bounded in time, repeated where that is safe, and what they fail of in words.
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { FairleadError, isFairleadError, systemCode } from '../../shared/errors/error.ts';
import { createWayOut } from '../../shared/node/way-out.ts';
import type { S3Address } from '../core/repository-address.ts';
import { errorCodeIn, refusalOf, type S3Answer } from './s3-answers.ts';

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Of the object; empty for the bucket itself. */
  readonly name: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Of the body, in hexadecimal, where it is known already. */
  readonly sha256?: string;
  /** Its body is read as fast as somebody else takes it. */
  readonly isStream?: true;
}

export interface S3Client {
  readonly place: string;
  /**
   * `use` is given a success, 404 for an object that is not there, or 412 for a condition that does not hold; it may be given
   * another answer once more when it throws what the network throws. Errors: server/repository-unusable, server/repository-away.
   */
  ask<Result>(request: S3Request, use: (answer: S3Answer) => Promise<Result>): Promise<Result>;
  /** What objects are called below the prefix. */
  readonly prefix: string;
  close(): Promise<void>;
}

export interface S3Patience {
  readonly connectMs: number;
  /** Until the answer begins, and between two pieces of it. */
  readonly silenceMs: number;
  /** Until all of it is there, however it trickles. */
  readonly wholeMs: number;
  /** Both of a request with a large body. */
  readonly uploadMs: number;
  readonly pausesMs: readonly number[];
  /** So long after it did not answer nobody waits for it. */
  readonly restMs: number;
}

const PATIENCE: S3Patience = {
  ...{ connectMs: 5_000, silenceMs: 10_000, wholeMs: 30_000, uploadMs: 120_000 },
  pausesMs: [200, 800],
  restMs: 1_000,
};
const CONNECTIONS = 64;
const LARGE_BYTES = 2 ** 20;
const RETRY_AFTER_SECONDS = 5;
const EMPTY = new Uint8Array();

export function createS3Client(address: S3Address, patience: S3Patience = PATIENCE): S3Client {
  const { place, prefix } = address;
  const agent = createWayOut(address.endpoint, process.env, {
    ...{ connections: CONNECTIONS, connectMs: patience.connectMs, silenceMs: patience.silenceMs },
  });
  let restsUntil = 0;

  async function send(request: S3Request): Promise<S3Answer> {
    const { origin, path, headers } = await sign(address, request);
    const { method, body = EMPTY } = request;
    const isLarge = body.length > LARGE_BYTES;
    const answer = await agent.request({
      ...{ origin, path, method, headers, body: method === 'PUT' || method === 'POST' ? body : null },
      headersTimeout: isLarge ? patience.uploadMs : patience.silenceMs,
      signal: request.isStream ? null : AbortSignal.timeout(isLarge ? patience.uploadMs : patience.wholeMs),
    });
    // Whoever leaves without reading must not leave an error that nobody hears.
    answer.body.on('error', () => undefined);
    return { status: answer.statusCode, headers: answer.headers, body: answer.body };
  }

  async function attempt<Result>(
    request: S3Request,
    use: (answer: S3Answer) => Promise<Result>,
  ): Promise<Result> {
    const answer = await send(request);
    const { status } = answer;
    if ((status >= 200 && status < 300) || status === 412) return use(answer);
    const code = await errorCodeIn(answer);
    if (status === 404 && code !== 'NoSuchBucket') return use(answer);
    throw refusalOf(place, status, code);
  }

  return {
    ...{ place, prefix, close: () => agent.destroy() },
    ask: async (request, use) => {
      for (let failures = 0; ; failures++) {
        if (performance.now() < restsUntil) throw away(place, 'it did not a moment ago');
        try {
          return await attempt(request, use);
        } catch (cause) {
          if (isFairleadError(cause) && !isFairleadError(cause, 'server/repository-away')) throw cause;
          const pause = patience.pausesMs[failures];
          if (pause === undefined) {
            restsUntil = performance.now() + patience.restMs;
            throw isFairleadError(cause) ? cause : away(place, systemCode(cause), cause);
          }
          await setTimeout(pause * (1 + Math.random()));
        }
      }
    },
  };
}

/** Signed anew for each attempt: a signature is good for some minutes. */
async function sign(
  { endpoint, bucket, prefix, region, keys }: S3Address,
  { method, name, query = {}, headers = {}, body = EMPTY, sha256 }: S3Request,
): Promise<{ readonly origin: string; readonly path: string; readonly headers: Record<string, string> }> {
  const key = name === '' ? '' : `/${(prefix + name).split('/').map(encodeRfc3986).join('/')}`;
  const search = Object.entries(query).map(([of, value]) => `${of}=${encodeRfc3986(value)}`);
  const url = `${endpoint}/${bucket}${key}${search.length === 0 ? '' : `?${search.join('&')}`}`;
  const signer = new AwsV4Signer({
    ...{ method, url, region, service: 's3', accessKeyId: keys.id, secretAccessKey: keys.secret },
    ...(keys.session === null ? {} : { sessionToken: keys.session }),
    headers: {
      ...headers,
      'x-amz-content-sha256': sha256 ?? createHash('sha256').update(body).digest('hex'),
    },
  });
  const signed = await signer.sign();
  const { origin, pathname, search: signedSearch } = signed.url;
  return { origin, path: pathname + signedSearch, headers: Object.fromEntries(signed.headers) };
}

function encodeRfc3986(text: string): string {
  const toHex = (sign: string) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, toHex);
}

function away(repository: string, problem: string, cause?: unknown): FairleadError {
  const data = { repository, problem, seconds: RETRY_AFTER_SECONDS };
  return new FairleadError('server/repository-away', data, { cause });
}
