// The next version of a long list of targets: verified whole, and parsed where it is new, for the rest was parsed with the version before.
//
// - Enough keys signed the very bytes of its `signed` part; the caller has held the file against the snapshot.
// - Those bytes are canonical JSON: what stands around the entries, and each entry that is new, is parsed, written again, and must come
//   out the same. Entries of the older file were canonical there. All of them are in order, each once.
// - What is of another form is not wrong: null is the answer, and it is read as every file is.
import { equalBytes } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../encoding/json.ts';
import { orNull } from '../errors/error.ts';
import type { Made, Stretch } from './difference.ts';
import {
  type FileMeta,
  METADATA_LIMITS,
  type Outline,
  parseSignatures,
  type Signature,
  type Targets,
} from './metadata.ts';
import { parseTargets } from './parse-metadata.ts';
import { type Signer, verifyTargets, verifyThreshold } from './rules.ts';

const SIGNED = Buffer.from('],"signed":');
const TARGETS = Buffer.from('"targets":{');
const VERSION = Buffer.from('},"version":');
const [COMMA, OPEN, CLOSE, QUOTE, BACKSLASH] = Buffer.from(',{}"\\');
/** Of what stands around the entries. */
const MOST_HEAD_BYTES = 64 * 1024;
/** More is parsed in the thread for whole files. */
const MOST_NEW_BYTES = 256 * 1024;
/** What the strict parser takes of one file. */
const MOST_ENTRIES = 70_000;
/** Of these alone every order is the same: that of a file, of an object's keys, of canonical JSON. */
const PLAIN_PATH = /^(?!\d+$)[^"\\\x00-\x1f\x7f-\uffff]+$/;

/** As `verifyTargets`, and where a file of our own form has its entries. Errors: trust/*. */
export function verifyOutlined(role: string, signer: Signer, expected: FileMeta, bytes: Uint8Array): Targets {
  const targets = verifyTargets(role, signer, expected, bytes);
  const outline = outlineOf(role, signer, targets, bytes);
  return outline === null ? targets : { ...targets, outline };
}

/**
 * `before` is of the bytes `old`, and `made` was made of them; `digest` is that of what was made. Null where all of it has to be read.
 */
export function verifyNextTargets(
  role: string,
  signer: Signer,
  before: Targets,
  old: Uint8Array,
  { bytes, stretches }: Made,
  digest: Digest,
): Targets | null {
  const { outline } = before;
  // Offsets say nothing about other bytes than those that were taken apart.
  if (outline === undefined || digestOf(old) !== outline.digest) return null;
  const form = orNull(() => takeApart(role, signer, bytes));
  if (form === null) return null;
  const paths = outline.paths ?? [...before.targets.keys()];
  const entries = joinEntries(form, paths, outline, stretches);
  if (entries === null) return null;
  const base = orNull(() => parseTargets({ ...form.around, targets: entries.fresh }, role));
  if (base === null) return null;
  // A copy, and what is other put to it: of each path that stays, to look it up and set it would take several times as long.
  const targets = new Map(before.targets);
  for (const path of entries.gone) targets.delete(path);
  for (const [path, file] of base.targets) targets.set(path, file);
  const { order, ends } = entries;
  // Behind one another in order, each is there once: so many, and all of them, are in the file.
  return targets.size === order.length
    ? { ...base, targets, outline: { digest, start: form.start, ends, paths: order } }
    : null;
}

interface Form {
  readonly file: Buffer;
  /** Between these the entries stand, with commas between them. */
  readonly start: number;
  readonly end: number;
  /** The rest, with no entries. */
  readonly around: JsonObject;
}

/** A role that delegates nothing, in the form in which ours are written, signed by enough keys in this form. Errors: trust/*, json/*. */
function takeApart(role: string, signer: Signer, bytes: Uint8Array): Form | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = file.subarray(0, MOST_HEAD_BYTES).indexOf(SIGNED);
  const last = file.lastIndexOf(CLOSE ?? 0);
  if (at === -1 || last < at || file.length - last > 2) return null;
  const payload = file.subarray(at + SIGNED.length, last);
  verifyThreshold({ role, signatures: signaturesIn(file.subarray(0, at), role), payload }, signer);
  const [first, end] = [payload.indexOf(TARGETS), payload.lastIndexOf(VERSION)];
  const [within, besides] = [end - first, payload.length - (end - first)];
  if (first === -1 || within < TARGETS.length || besides > MOST_HEAD_BYTES) return null;
  const text = Buffer.concat([payload.subarray(0, first + TARGETS.length), payload.subarray(end)]);
  const around = parseJson(text, role);
  // With these five keys alone no other object can be meant by what was found.
  if (!isJsonObject(around) || Object.keys(around).length !== 5 || !isCanonical(around, text)) return null;
  const offset = at + SIGNED.length;
  return { file, around, start: offset + first + TARGETS.length, end: offset + end };
}

function signaturesIn(head: Uint8Array, role: string): readonly Signature[] {
  const envelope = parseJson(Buffer.concat([head, Buffer.from(']}')]), role, METADATA_LIMITS);
  return isJsonObject(envelope) && Object.keys(envelope).length === 1 ? parseSignatures(envelope, role) : [];
}

function isCanonical(value: JsonValue, text: Uint8Array): boolean {
  return equalBytes(canonicalize(value), text);
}

/** Null for a file of another form. Of one that was verified and parsed as a whole. */
function outlineOf(role: string, signer: Signer, { targets }: Targets, bytes: Uint8Array): Outline | null {
  const form = orNull(() => takeApart(role, signer, bytes));
  if (form === null || targets.size > MOST_ENTRIES) return null;
  const ends = new Uint32Array(targets.size);
  let at = form.start;
  let i = 0;
  let last = '';
  for (const path of targets.keys()) {
    const name = `"${path}":`;
    const isNext = i === 0 || (last < path && form.file[at++] === COMMA);
    if (!isNext || !PLAIN_PATH.test(path) || form.file.toString('latin1', at, at + name.length) !== name)
      return null;
    at = endOfObject(form.file, at + name.length);
    ends[i++] = at;
    last = path;
  }
  return at === form.end ? { digest: digestOf(bytes), start: form.start, ends } : null;
}

/** Of JSON that was parsed: behind the bracket that closes the object that begins here. */
function endOfObject(file: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < file.length; at++) {
    const byte = file[at];
    if (byte === QUOTE) {
      for (at++; at < file.length && file[at] !== QUOTE; at++) if (file[at] === BACKSLASH) at++;
    } else if (byte === OPEN) depth++;
    else if (byte === CLOSE && --depth === 0) return at + 1;
  }
  return file.length;
}

interface Joined {
  readonly fresh: JsonObject;
  /** Paths of entries of the older file that are not whole in a stretch: what is new may have them again. */
  readonly gone: readonly string[];
  /** The paths of all. */
  readonly order: readonly string[];
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** What stands between the stretches is new; each stretch brings the entries that are whole in it. */
function joinEntries(
  form: Form,
  paths: readonly string[],
  outline: Outline,
  stretches: readonly Stretch[],
): Joined | null {
  const joined: Joining = { fresh: {}, gone: [], order: [], ends: [], at: form.start, room: MOST_NEW_BYTES };
  let known = 0;
  for (const { first, behind, shift } of runsIn(outline, stretches)) {
    const place = startOf(outline, first) + shift;
    if (!readNew(joined, form, place) || !follows(joined, paths[first] ?? '')) return null;
    while (known < first) joined.gone.push(paths[known++] ?? '');
    known = behind;
    for (let i = first; i < behind; i++) {
      joined.order.push(paths[i] ?? '');
      joined.ends.push((outline.ends[i] ?? 0) + shift);
    }
    joined.at = joined.ends.at(-1) ?? form.start;
    if (joined.at > form.end) return null;
  }
  while (known < paths.length) joined.gone.push(paths[known++] ?? '');
  const isWhole = readNew(joined, form, form.end) && joined.order.length <= MOST_ENTRIES;
  return isWhole ? { ...joined, ends: Uint32Array.from(joined.ends) } : null;
}

interface Joining {
  readonly fresh: Record<string, JsonValue>;
  readonly gone: string[];
  readonly order: string[];
  readonly ends: number[];
  /** Behind the last entry. */
  at: number;
  /** For what is still to be parsed: a difference may cut every old entry, and have all of them parsed again. */
  room: number;
}

function follows({ order }: Joining, path: string): boolean {
  const last = order.at(-1);
  return last === undefined || last < path;
}

/** The entries between the last one and `to`, which is where a known one begins, or the end; with the commas around them. */
function readNew(joined: Joining, { file, end }: Form, to: number): boolean {
  const [isFirst, isTail] = [joined.order.length === 0, to === end];
  let [from, until] = [joined.at, to];
  if (from > until) return false;
  if (from === until) return isFirst || isTail;
  if (!isFirst && file[from++] !== COMMA) return false;
  if (from === until) return !isTail;
  if (!isTail && file[--until] !== COMMA) return false;
  joined.room -= until - from;
  if (joined.room < 0) return false;
  const text = Buffer.concat([Buffer.from('{'), file.subarray(from, until), Buffer.from('}')]);
  const found = orNull(() => parseJson(text, 'the entries that are new', METADATA_LIMITS));
  if (!isJsonObject(found ?? undefined) || !isCanonical(found, text)) return false;
  for (const [path, value] of Object.entries(found as JsonObject)) {
    if (!PLAIN_PATH.test(path) || !follows(joined, path)) return false;
    from += canonicalize({ [path]: value }).length - 2;
    joined.ends.push(from++);
    joined.order.push(path);
    joined.fresh[path] = value;
  }
  return true;
}

/** Which entries of the older file are whole in a stretch, and how far they moved. */
function* runsIn(outline: Outline, stretches: readonly Stretch[]) {
  const { ends } = outline;
  for (const { from, length, at } of stretches) {
    const first = lowest(ends.length, (i) => startOf(outline, i) >= from);
    const behind = lowest(ends.length, (i) => (ends[i] ?? 0) > from + length);
    if (first < behind) yield { first, behind, shift: at - from };
  }
}

function startOf({ start, ends }: Outline, entry: number): number {
  return entry === 0 ? start : (ends[entry - 1] ?? 0) + 1;
}

/** The first number below `count` for which it holds, as it does for all behind it; `count` where there is none. */
function lowest(count: number, holds: (i: number) => boolean): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
