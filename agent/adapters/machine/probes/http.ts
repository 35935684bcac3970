// HTTP probes: one request on one fresh connection, no proxy, no redirect followed: what answers must be the service itself.
import { sanitizeLine } from '../../../../shared/encoding/text.ts';
import { systemCode } from '../../../../shared/errors/system-error.ts';
import { readRegular } from '../../../../shared/node/read-file.ts';
import type { Probe, ProbeResult } from '../../../ports/prober.ts';
import { loadUndici } from '../../server/undici-parts.ts';

type HttpProbe = Probe & { readonly kind: 'http' };

const MAX_BODY_BYTES = 64 * 1024;
/** Some services answer with many cookies; Node's own bound is a quarter of this. */
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_CA_BYTES = 256 * 1024;

export async function askHttp(probe: HttpProbe, limit: AbortSignal): Promise<ProbeResult> {
  const { Agent } = await loadUndici();
  const connect = await trustOf(probe);
  const dispatcher = new Agent({ connections: 1, pipelining: 0, maxHeaderSize: MAX_HEADER_BYTES, connect });
  try {
    const url = new URL(probe.url);
    const answer = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      headers: credentialsOf(url),
      signal: limit,
      reset: true,
    });
    return await judge(probe, answer.statusCode, answer.body);
  } catch (error) {
    const isTooLong = systemCode(error) === 'UND_ERR_HEADERS_OVERFLOW';
    if (isTooLong) return { healthy: false, detail: `more than ${MAX_HEADER_BYTES / 1024} KiB of headers` };
    throw error;
  } finally {
    await dispatcher.destroy();
  }
}

/** The status is an answer already; of the body only so much is waited for as somebody asks about. */
async function judge(probe: HttpProbe, status: number, body: AsyncIterable<Buffer>): Promise<ProbeResult> {
  const start = `HTTP ${status}`;
  if (status !== probe.expect) {
    const text = sanitizeLine(await readUntil(body, (read) => read.includes('\n')), 120);
    return { healthy: false, detail: `${start} instead of ${probe.expect}${text === '' ? '' : `: ${text}`}` };
  }
  const { contains } = probe;
  if (contains === null) return { healthy: true, detail: start };
  const text = await readUntil(body, (read) => read.includes(contains));
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

/** RFC 7617; a URL writes them with percent signs. */
function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(plain).toString('base64')}` };
}

async function trustOf({ tls }: HttpProbe): Promise<{ ca?: Buffer; rejectUnauthorized?: boolean }> {
  if (tls === undefined) return {};
  return {
    ...(tls.ca === null ? {} : { ca: await readRegular(tls.ca, MAX_CA_BYTES) }),
    ...(tls.insecure ? { rejectUnauthorized: false } : {}),
  };
}
