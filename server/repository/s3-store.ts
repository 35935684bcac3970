// The repository in an S3 bucket: conditions on every write that could hide another's, and streams of what is large.
import type { Readable } from 'node:stream';
import { equalBytes } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { etagOf } from './directory-store.ts';
import { continuationIn, drain, namesIn, type S3Answer, textOf } from './s3-answers.ts';
import type { S3Client } from './s3-client.ts';
import { createUploader, headersOf } from './s3-upload.ts';
import {
  type LargeFile,
  MAX_READ_BYTES,
  type RepositoryStore,
  SMALL_BYTES,
  type SmallFile,
  type Stored,
  type Tag,
} from './store.ts';

export function createS3Store(client: S3Client): RepositoryStore {
  const { place, ask, prefix } = client;
  const upload = createUploader(client);

  const read = (name: string): Promise<Stored | null> =>
    ask({ method: 'GET', name }, async (answer) => {
      if (answer.status === 404) return null;
      const { size, tag } = describe(place, name, answer);
      if (size > MAX_READ_BYTES) throw damaged(place, name, `it has ${size} bytes`);
      return { bytes: await bytesOf(answer, size), tag };
    });

  const put = (name: string, bytes: Uint8Array, condition: Readonly<Record<string, string>>) =>
    ask(
      { method: 'PUT', name, body: bytes, headers: { ...headersOf(name), ...condition } },
      async (answer) => {
        await drain(answer);
        return answer.status !== 412;
      },
    );

  const tagOf = (name: string) =>
    ask({ method: 'HEAD', name }, async (answer) =>
      answer.status === 404 ? null : describe(place, name, answer).tag,
    );

  return {
    ...{ place, read, tagOf, take: upload, close: client.close },
    open: (name) => openObject(client, name),
    write: async (name, bytes) => void (await put(name, bytes, {})),
    replace: async (name, bytes, before) => {
      const condition = before === null ? { 'if-none-match': '*' } : { 'if-match': before };
      if (await put(name, bytes, condition)) return true;
      // The answer to a first attempt may have been lost: then what stands there is ours.
      const stored = await read(name);
      return stored !== null && equalBytes(stored.bytes, bytes);
    },
    clear: async (name, before) => {
      if ((await tagOf(name)) !== before) return;
      // Where the storage passes over the condition, whoever comes in between goes on with what it has in memory.
      await ask({ method: 'DELETE', name, headers: { 'if-match': before } }, drain);
    },
    list: async function* (wanted) {
      for (let token: string | null = ''; token !== null; ) {
        const query = { 'list-type': '2', prefix: prefix + wanted };
        const next = token === '' ? query : { ...query, 'continuation-token': token };
        const text = await ask({ method: 'GET', name: '', query: next }, (answer) => textOf(answer));
        for (const name of namesIn(text)) yield name.slice(prefix.length);
        token = continuationIn(text);
      }
    },
  };
}

/** Packs are asked for their size first; anything else is mostly small, and here with the same answer. */
async function openObject(client: S3Client, name: string): Promise<SmallFile | LargeFile | null> {
  const { place, ask } = client;
  const method = name.endsWith('.pack') ? 'HEAD' : 'GET';
  return ask({ method, name }, async (answer) => {
    if (answer.status === 404) return null;
    const { size, tag } = describe(place, name, answer);
    if (method === 'GET' && size <= SMALL_BYTES) {
      const bytes = await bytesOf(answer, size);
      return { kind: 'small', bytes, etag: etagOf(bytes) };
    }
    // Cut, not read to its end.
    if (method === 'GET') answer.body.destroy();
    return {
      ...{ kind: 'large', size, etag: tag },
      read: (start, end) => readRange(client, name, { start, end, size, tag }),
      close: async () => undefined,
    };
  });
}

interface Wanted {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly tag: Tag;
}

/** Of the object that was described, or nothing: parts of two would be one broken file. */
function readRange(
  { place, ask }: S3Client,
  name: string,
  { start, end, size, tag }: Wanted,
): Promise<Readable> {
  const headers = { range: `bytes=${start}-${end - 1}`, 'if-match': tag };
  return ask({ method: 'GET', name, headers, isStream: true }, async (answer) => {
    const isWhole = answer.status === 200 && start === 0 && end === size;
    const found = answer.status === 404 || answer.status === 412 ? null : describe(place, name, answer);
    if (
      found === null ||
      found.tag !== tag ||
      found.size !== end - start ||
      (answer.status !== 206 && !isWhole)
    ) {
      answer.body.destroy();
      throw damaged(place, name, 'it is another file than a moment ago');
    }
    return answer.body;
  });
}

function describe(
  place: string,
  name: string,
  { headers }: S3Answer,
): { readonly size: number; readonly tag: Tag } {
  const { etag, 'content-length': length } = headers;
  if (typeof etag !== 'string' || typeof length !== 'string') {
    throw damaged(place, name, 'the storage does not say how long it is, or which one');
  }
  return { size: Number(length), tag: etag as Tag };
}

/** The network sees to it that no byte is missing; what is beyond belongs to nothing. */
async function bytesOf({ body }: S3Answer, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== size) throw new Error(`the answer has ${bytes.length} bytes of ${size}`);
  return bytes;
}

function damaged(repository: string, name: string, problem: string): FairleadError {
  return new FairleadError('server/repository-damaged', { repository, name, problem });
}
