// Frames of the journal: one line each, `length checksum json`, readable with `cat` and checked byte by byte.
import { createHash } from 'node:crypto';
import { type JournalEntry, journalEntry } from '../../../shared/schema/journal.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';

/** Eight digits of length, a blank, sixteen of checksum, a blank. */
const HEAD = /([0-9a-f]{8}) ([0-9a-f]{16}) /;
const HEAD_BYTES = 26;
const NEWLINE = 0x0a;

export interface ReadFrames {
  readonly entries: readonly JournalEntry[];
  /** Where each entry ends, so that the next may be written there. */
  readonly ends: readonly number[];
  /** A whole frame stands beyond one that is not what was written. */
  readonly damaged: boolean;
}

export function encodeFrame(entry: JournalEntry): Uint8Array {
  const payload = encodeStored(journalEntry, entry, 'a journal entry', 0);
  const length = payload.length.toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`${length} ${checksum(payload)} `), payload, Buffer.of(NEWLINE)]);
}

/**
 * Reads frames up to the first that is not whole. The reserved rest of the file is zeros. A last frame that a power cut
 * tore was never acknowledged and counts as never written; whole frames beyond damage prove that acknowledged ones are lost.
 */
export function decodeFrames(bytes: Uint8Array): ReadFrames {
  const entries: JournalEntry[] = [];
  const ends: number[] = [];
  let at = 0;
  for (;;) {
    const frame = frameAt(bytes, at);
    if (frame === null || frame.entry.sequence !== entries.length + 1) break;
    entries.push(frame.entry);
    ends.push(frame.end);
    at = frame.end;
  }
  return { entries, ends, damaged: holdsFrame(bytes, at) };
}

/** True when any whole frame begins at or after a position; the line break before it may be what is damaged. */
function holdsFrame(bytes: Uint8Array, from: number): boolean {
  const text = Buffer.from(bytes).toString('latin1');
  const heads = new RegExp(HEAD, 'g');
  heads.lastIndex = from;
  for (let match = heads.exec(text); match !== null; match = heads.exec(text)) {
    if (frameAt(bytes, match.index) !== null) return true;
    heads.lastIndex = match.index + 1;
  }
  return false;
}

function frameAt(
  bytes: Uint8Array,
  at: number,
): { readonly entry: JournalEntry; readonly end: number } | null {
  const head = Buffer.from(bytes.subarray(at, at + HEAD_BYTES)).toString('latin1');
  const match = HEAD.exec(head);
  if (match?.[1] === undefined) return null;
  const start = at + HEAD_BYTES;
  const end = start + Number.parseInt(match[1], 16);
  if (end >= bytes.length || bytes[end] !== NEWLINE) return null;
  const payload = bytes.subarray(start, end);
  if (checksum(payload) !== match[2]) return null;
  try {
    return { entry: parseStored(journalEntry, payload, 'a journal entry'), end: end + 1 };
  } catch {
    return null;
  }
}

function checksum(payload: Uint8Array): string {
  return createHash('sha256').update(payload).digest('hex').slice(0, 16);
}
