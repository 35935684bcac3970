// Asking over HTTP: one request on one fresh connection, no proxy, no redirect followed: what answers must be the service itself.
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { sanitizeLine } from '../../encoding/text.ts';
import { systemCode } from '../../errors/error.ts';
import type { Answer } from '../../schema/probes/probe-kind.ts';
import type { Asked } from '../../schema/probes/probes.ts';
import { readRegular } from '../read-file.ts';

const MAX_BODY_BYTES = 64 * 1024;
/** Some services answer with many cookies; Node's own bound is a quarter of this. */
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_CA_BYTES = 256 * 1024;

/** What an answer must be. */
interface Expected {
  readonly expect: number;
  readonly contains: string | null;
}

export async function askHttp(question: Asked<'http'>, limit: AbortSignal): Promise<Answer> {
  const trust = await trustOf(question);
  return exchange({ ...urlToHttpOptions(new URL(question.url)), ...trust }, question, limit);
}

/** Rejects with the system's refusal, or when the limit aborts it before a status came. */
export function exchange(to: RequestOptions, expected: Expected, limit: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = to.protocol === 'https:' ? requestHttps : requestHttp;
    // Never one of the process's kept connections.
    const sent = request({ ...to, agent: false, signal: limit, maxHeaderSize: MAX_HEADER_BYTES });
    let isAnswered = false;
    sent.once('response', (response) => {
      isAnswered = true;
      judge(expected, response).then((answer) => {
        resolve(answer);
        sent.destroy();
      }, reject);
    });
    sent.on('error', (error) => {
      // The status was given: what the body lacks is for `judge` to say.
      if (isAnswered) return;
      const isTooLong = systemCode(error) === 'HPE_HEADER_OVERFLOW';
      if (!isTooLong) return reject(error);
      resolve({ healthy: false, detail: `more than ${MAX_HEADER_BYTES / 1024} KiB of headers` });
    });
    // An answer that switches protocols, for one, ends the exchange without a word.
    sent.once('close', () => {
      if (!isAnswered) reject(new Error('the connection ended without an answer'));
    });
    sent.end();
  });
}

/** The status is an answer already; of the body only so much is waited for as somebody asks about. */
async function judge({ expect, contains }: Expected, response: IncomingMessage): Promise<Answer> {
  const status = response.statusCode ?? 0;
  const start = `HTTP ${status}`;
  if (status !== expect) {
    const text = sanitizeLine(await readUntil(response, (read) => read.includes('\n')), 120);
    return { healthy: false, detail: `${start} instead of ${expect}${text === '' ? '' : `: ${text}`}` };
  }
  if (contains === null) return { healthy: true, detail: start };
  const text = await readUntil(response, (read) => read.includes(contains));
  if (text.includes(contains)) return { healthy: true, detail: start };
  return { healthy: false, detail: `${start} without "${contains}": ${text}` };
}

/** A stream of events never ends: what came until then, or until the time is over, is what there is. */
async function readUntil(body: AsyncIterable<Buffer>, isEnough: (text: string) => boolean): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const text = () => Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8');
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BODY_BYTES || isEnough(text())) break;
    }
  } catch {
    // Broken off, or out of time: the status was given.
  }
  return text();
}

async function trustOf({ tls }: Asked<'http'>): Promise<{ ca?: Buffer; rejectUnauthorized?: boolean }> {
  if (tls === undefined) return {};
  return {
    ...(tls.ca === null ? {} : { ca: await readRegular(tls.ca, MAX_CA_BYTES) }),
    ...(tls.insecure ? { rejectUnauthorized: false } : {}),
  };
}
