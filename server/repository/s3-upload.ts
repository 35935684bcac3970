// A file of this machine on its way into a bucket: in one piece where it is small, in parts where it is not, a part at a time in memory.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { FairleadError } from '../../shared/errors/error.ts';
import { cacheControlOf, mediaOf } from './names.ts';
import { drain, textOf, valueIn } from './s3-answers.ts';
import type { S3Client } from './s3-client.ts';

/** S3 takes ten thousand parts of five megabytes and more: eighty gigabytes of these, and a pack has sixteen at most. */
const PART_BYTES = 8 * 2 ** 20;
/** Hashed in steps: everybody else's requests are answered in between. */
const STEP_BYTES = 2 ** 20;

/** What stands under the name already stays. */
export type Upload = (name: string, file: string) => Promise<void>;

export function createUploader(client: S3Client): Upload {
  return async (name, file) => {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const put = size <= PART_BYTES ? putWhole : putInParts;
      if (await put(client, name, handle)) await verifyThere(client, name, size);
    } finally {
      await handle.close();
    }
  };
}

/** False where something stood there already. */
async function putWhole({ ask }: S3Client, name: string, handle: FileHandle): Promise<boolean> {
  const { body, sha256 } = await readPart(handle, Buffer.allocUnsafe(PART_BYTES));
  const headers = { ...headersOf(name), ...IF_NEW };
  return ask({ method: 'PUT', name, body, sha256, headers }, async (answer) => {
    await drain(answer);
    return answer.status !== 412;
  });
}

/** Nothing is there under the name before the last request. What a kill leaves of the parts, a rule of the bucket removes. */
async function putInParts(client: S3Client, name: string, handle: FileHandle): Promise<boolean> {
  const { ask, place } = client;
  const started = await ask(
    { method: 'POST', name, query: { uploads: '' }, headers: headersOf(name) },
    (answer) => textOf(answer),
  );
  const uploadId = valueIn(started, 'UploadId');
  if (uploadId === null) throw failed(place, 'it begins no upload in parts');
  try {
    const parts = await putParts(client, name, uploadId, handle);
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    const headers = { 'content-type': 'application/xml', ...IF_NEW };
    const request = { method: 'POST', name, query: { uploadId }, body, headers } as const;
    const { status, text } = await ask(request, async (answer) => ({
      status: answer.status,
      text: await textOf(answer),
    }));
    if (status === 412) return false;
    // An answer that was lost leaves no upload to be joined again; what stands there then is looked at.
    if (status === 404 || text.includes('CompleteMultipartUploadResult')) return true;
    // It begins to answer before it is done, and may fail behind a success.
    throw failed(place, `it does not join the parts: ${valueIn(text, 'Code') ?? 'no reason given'}`);
  } catch (cause) {
    await ask({ method: 'DELETE', name, query: { uploadId } }, drain).catch(() => undefined);
    throw cause;
  }
}

async function putParts(
  { ask, place }: S3Client,
  name: string,
  uploadId: string,
  handle: FileHandle,
): Promise<readonly string[]> {
  const buffer = Buffer.allocUnsafe(PART_BYTES);
  const parts: string[] = [];
  for (let number = 1; ; number++) {
    const { body, sha256 } = await readPart(handle, buffer);
    if (body.length === 0) return parts;
    const query = { partNumber: String(number), uploadId };
    const etag = await ask({ method: 'PUT', name, query, body, sha256 }, async (answer) => {
      await drain(answer);
      return answer.headers.etag;
    });
    if (typeof etag !== 'string') throw failed(place, 'it gives no tag to a part');
    parts.push(
      `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag></Part>`,
    );
    if (body.length < PART_BYTES) return parts;
  }
}

/** The next bytes of the file, as many as the buffer holds or the file still has. */
async function readPart(
  handle: FileHandle,
  buffer: Buffer,
): Promise<{ readonly body: Buffer; readonly sha256: string }> {
  const hash = createHash('sha256');
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(
      buffer,
      filled,
      Math.min(STEP_BYTES, buffer.length - filled),
      null,
    );
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(filled, filled + bytesRead));
    filled += bytesRead;
  }
  return { body: buffer.subarray(0, filled), sha256: hash.digest('hex') };
}

async function verifyThere({ ask, place }: S3Client, name: string, size: number): Promise<void> {
  const there = await ask({ method: 'HEAD', name }, async ({ headers }) => Number(headers['content-length']));
  if (there === size) return;
  const problem = `it has ${there} bytes, and was uploaded with ${size}`;
  throw new FairleadError('server/repository-damaged', { repository: place, name, problem });
}

const IF_NEW = { 'if-none-match': '*' };

/** What a CDN before the bucket is told. */
export function headersOf(name: string): Readonly<Record<string, string>> {
  return { 'content-type': mediaOf(name), 'cache-control': cacheControlOf(name) };
}

function failed(repository: string, problem: string): FairleadError {
  const remedy = 'look into the log of the storage; it takes uploads in parts, as S3 does';
  return new FairleadError('server/repository-unusable', { repository, problem, remedy });
}
