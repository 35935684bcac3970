// What an S3 storage says: the code of a refusal, what a person does about it, and the lists it answers with.
import type { Dispatcher } from 'undici';
import { FairleadError } from '../../shared/errors/error.ts';

export interface S3Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Dispatcher.ResponseData['body'];
}

/** Longer than any refusal, shorter than a page of names. */
const MAX_REFUSAL_BYTES = 64 * 1024;
const MAX_TEXT_BYTES = 4 * 2 ** 20;

const RIGHTS =
  'give the account s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload below the prefix, and s3:ListBucket on the bucket: without the last one nobody is told what is not there';
const KEYS = 'correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the address in the file';
const REGION = 'name the region of the bucket: ?region= in the address, or AWS_REGION';
const CLOCK = 'set the clock of this machine: signatures of another time are refused';

/** By the code that S3 gives it: what it is, and what to do. */
const REFUSALS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  NoSuchBucket: ['there is no such bucket', 'create the bucket, or correct its name, region and endpoint'],
  AccessDenied: ['the account may not do that there', RIGHTS],
  InvalidAccessKeyId: ['it does not know the key', KEYS],
  SignatureDoesNotMatch: ['it does not take the secret key', KEYS],
  ExpiredToken: ['the temporary key has ended', KEYS],
  InvalidToken: ['it does not take the session token', KEYS],
  RequestTimeTooSkewed: ['its clock and ours differ', CLOCK],
  AuthorizationHeaderMalformed: ['the bucket is of another region', REGION],
  PermanentRedirect: ['the bucket is of another region', REGION],
  NotImplemented: [
    'it lacks something that is needed',
    'use a storage with conditional writes and uploads in parts',
  ],
};

/** HEAD has no body to say it in. */
const BY_STATUS: Readonly<Record<number, string>> = { 301: 'PermanentRedirect', 403: 'AccessDenied' };

const RETRY_AFTER_SECONDS = 5;

/** Empty where it says none. */
export async function errorCodeIn(answer: S3Answer): Promise<string> {
  const text = await textOf(answer, MAX_REFUSAL_BYTES).catch(() => '');
  return /<Code>\s*([A-Za-z]{1,80})\s*<\/Code>/.exec(text)?.[1] ?? '';
}

/** What is only busy is away for now. */
export function refusalOf(repository: string, status: number, code: string): FairleadError {
  const named = code === '' ? (BY_STATUS[status] ?? '') : code;
  const [problem, remedy] = REFUSALS[named] ?? [];
  if (problem !== undefined && remedy !== undefined) {
    return new FairleadError('server/repository-unusable', { repository, problem, remedy });
  }
  const said = code === '' ? `it says ${status}` : `it says ${status}, ${code}`;
  // 409: another write of the same name is under way. 400 with this code: our body came too slowly.
  if (status >= 500 || status === 429 || status === 409 || code === 'RequestTimeout') {
    return new FairleadError('server/repository-away', {
      repository,
      problem: said,
      seconds: RETRY_AFTER_SECONDS,
    });
  }
  const look = 'look into the log of the storage, and whether its endpoint is right';
  return new FairleadError('server/repository-unusable', { repository, problem: said, remedy: look });
}

/** Errors: those of the network, and one for more bytes than such an answer has. */
export async function textOf({ body }: S3Answer, limit = MAX_TEXT_BYTES): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error('the answer is longer than any that is right');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Our names need no encoding in XML. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, name = '']) => name);
}

/** Null at the end of the list. */
export function continuationIn(text: string): string | null {
  if (!/<IsTruncated>\s*true\s*<\/IsTruncated>/.test(text)) return null;
  return valueIn(text, 'NextContinuationToken');
}

/** The text of the first element of this name; null where there is none. */
export function valueIn(text: string, name: string): string | null {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  if (found === undefined) return null;
  return found
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

/** Read to its end, for its connection to be used again. */
export async function drain({ body }: S3Answer): Promise<void> {
  await body.dump();
}
