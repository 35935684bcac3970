// What logs, heads and receipts are to whoever verifies them with nothing of Fairlead: chains, last lines and signatures.
import { createHash, createPublicKey, verify } from 'node:crypto';

export type Named = { readonly name: string; readonly bytes: Uint8Array };
// biome-ignore lint/suspicious/noExplicitAny: what others wrote, of which nothing is known yet.
export type Json = any;

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The chain: each line names the digest of the one before, and the last line of a server's log its last entry. */
export function readLedger(name: string, lines: readonly Uint8Array[]): Json {
  const log: Json = { name, digests: [], entries: [], restores: [], instance: null };
  let ended = false;
  for (const line of lines) {
    const entry = parse(line, name);
    const { schema, previous, sequence, event, action, details = {}, at } = entry;
    const [count, last] = [log.digests.length, log.digests.at(-1) ?? null];
    const end = JSON.stringify({ schema: 'fairlead/audit-head@1', count, digest: last });
    if (ended) throw new Error(`${name}: something comes after its end`);
    ended = schema === 'fairlead/audit-head@1' && isText(line, end);
    if (ended) continue;
    if (previous !== last || sequence !== count + 1)
      throw new Error(`${name}: entry ${count + 1} does not continue the one before it`);
    log.digests.push(sha256(line));
    log.entries.push(entry);
    if (event === 'enrolled') log.instance = details.instance;
    if (action === 'backup.restored') log.restores.push({ from: sequence, sequence, at });
    if (event === 'agent-started' && details.restored)
      log.restores.push({ from: details.from, sequence, at });
  }
  if (log.instance === null && !ended) throw new Error(`${name}: its last line, which ends it, is missing`);
  let earliest = Number.POSITIVE_INFINITY;
  for (const { sequence, at } of log.entries.toReversed()) {
    earliest = Math.min(earliest, Date.parse(at));
    for (const restore of log.restores) if (restore.sequence === sequence) restore.earliest = earliest;
  }
  return log;
}

/** A file of heads or receipts ends with how many lines it has, and the digest of all bytes before. */
export function readKept(by: string, bytes: Uint8Array, lines: readonly Uint8Array[], keys: Json): Json[] {
  const { last, digest } = endOf(lines, bytes);
  if (!isText(last, JSON.stringify({ schema: 'fairlead/ledger-end@1', lines: lines.length - 1, digest })))
    throw new Error(`${by}: a byte is another than was written`);
  return lines.slice(0, -1).flatMap((line) => {
    const kept = parse(line, by);
    if (kept.payload === undefined) return { ...kept, of: kept.instance, by };
    const { instance, at, agent, server } = openReceipt(kept, keys, by);
    return [
      { ...agent, of: instance, at, by },
      { ...server, of: null, at, by },
    ];
  });
}

/** Of the role timestamp, which the server holds, by their ids; RFC 8410 says what stands before the bytes of one. */
export function keysOf(roots: readonly Named[]): Json {
  const keys: Json = {};
  for (const { name, bytes } of roots) {
    const { signed } = parse(bytes, name);
    const ids = signed?.roles?.timestamp?.keyids;
    if (!Array.isArray(ids) || ids.some((id) => typeof signed.keys?.[id]?.keyval?.public !== 'string'))
      throw new Error(`${name}: it is no root metadata: give --root a file N.root.json of the repository`);
    for (const id of ids) {
      const der = Buffer.from(`302a300506032b6570032100${signed.keys[id].keyval.public}`, 'hex');
      keys[id] = createPublicKey({ key: der, format: 'der', type: 'spki' });
    }
  }
  return keys;
}

const RECEIPT = 'application/vnd.fairlead.receipt+json';

/** DSSE: what is signed is the type and the payload, each with its length before it. */
function openReceipt({ payload, payloadType, signatures }: Json, keys: Json, by: string): Json {
  const bytes = Buffer.from(payload, 'base64');
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${RECEIPT.length} ${RECEIPT} ${bytes.length} `), bytes]);
  const key = keys[signatures[0].keyid];
  const isSigned = key !== undefined && verify(null, signed, key, Buffer.from(signatures[0].sig, 'base64'));
  if (payloadType === RECEIPT && isSigned) return parse(bytes, by);
  throw new Error(`${by}: a receipt that no key of a --root signed`);
}

export function linesOf(name: string, bytes: Uint8Array): readonly Uint8Array[] {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  if (lines.pop() === '' && lines.length > 0) return lines.map((line) => Buffer.from(line, 'latin1'));
  throw new Error(`${name}: its last line has no end`);
}

export function parse(bytes: Uint8Array, name: string): Json {
  let value: Json = null;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {}
  if (typeof value === 'object' && value !== null) return value;
  throw new Error(`${name}: a line is no JSON object`);
}

export function endOf(lines: readonly Uint8Array[], bytes: Uint8Array) {
  const last = lines.at(-1) ?? bytes;
  return { last, digest: sha256(bytes.subarray(0, bytes.length - last.length - 1)) };
}

export const isText = (line: Uint8Array, text: string) => Buffer.from(text).equals(line);
