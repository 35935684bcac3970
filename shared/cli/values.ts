// What people type, made into values: one reading of a line, a number, a duration, for every option of every program.
import { z } from 'zod';
import { cronProblem } from '../encoding/cron.ts';
import { durationMs, spanMs } from '../encoding/instant.ts';
import { isTimeZone } from '../encoding/zone.ts';
import { orNull } from '../errors/error.ts';
import { advisoryId } from '../schema/advisory.ts';
import { type AuditHead, parseCheckpoint as readCheckpoint } from '../schema/audit-chain.ts';
import { componentKey, digest, instant, line, name } from '../schema/common.ts';
import { pinVersion } from '../schema/pin.ts';
import { parseRef, type ReleaseRef, refFor } from '../schema/release-ref.ts';
import { isVersion, parseVersion, type Version } from '../version/version.ts';
import { InvalidArgumentError, type OptionSpec } from './command.ts';

export function parseNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number of at most nine digits.');
  return Number(text);
}

/** As the field takes it that will hold it in a document. */
export function parseField<Schema extends z.ZodType>(schema: Schema, form: string) {
  return (text: string): z.output<Schema> => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(`It must be ${form}.`);
  };
}

/** What is written into records: one line, as the agent and the server take it. */
export const parseLine = parseField(
  line.regex(/^\P{Cc}*$/u),
  'one line of 1 to 300 characters, without control characters',
);

export function parsePath(text: string): string {
  // The kernel ends a path at its first NUL.
  if (text !== '' && !text.includes('\0')) return text;
  throw new InvalidArgumentError('It must be a path.');
}

/** Of a server. An address is shown in answers, records and errors: what lets somebody in stands in none. */
export function parseUrl(text: string): string {
  const url = URL.parse(text);
  const isOpen = url !== null && url.username + url.password === '';
  if (isOpen && /^https?:$/.test(url.protocol)) return text;
  throw new InvalidArgumentError(
    'It must be such as https://releases.example.com, without an account or a password.',
  );
}

/** Milliseconds. */
export function parseDuration(text: string): number {
  const ms = spanMs(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('It must be a duration such as 30s, 4h, 3d, or ISO 8601: PT30S, P3D.');
  return ms;
}

/** Milliseconds, at least one. */
export function parseSpan(text: string): number {
  const ms = parseDuration(text);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('It must be longer than nothing.');
}

/** The same span in the form that documents hold: `4h` becomes `PT4H`. */
export function parseIsoDuration(text: string): string {
  const ms = parseDuration(text);
  return Number.isNaN(durationMs(text)) ? `PT${ms / 1000}S` : text;
}

export const parseDigest = parseField(digest, '"sha256:" and 64 hexadecimal digits');

export const parseCapability = parseField(componentKey, 'a capability such as core/auth');

/** A track, a suite, a group of settings. */
export const parseName = parseField(name, 'a lower-case name such as stable or auth-proxy');

export const parseAdvisoryId = parseField(advisoryId, 'an advisory id such as FL-2026-0003');

/** Of an audit log, as `audit verify` prints it. */
export function parseCheckpoint(text: string): AuditHead {
  const head = readCheckpoint(text);
  if (head !== null) return head;
  throw new InvalidArgumentError(
    'It must be a checkpoint as an earlier audit verify printed it, such as 12:sha256:….',
  );
}

/** `platform`, a suite, or a capability, as it was typed. */
export function parseComponent(text: string): string {
  if (orNull(() => refFor(text, parseVersion('0.0.0'))) !== null) return text;
  throw new InvalidArgumentError(
    'It must be platform, a suite such as core, or a capability such as core/auth.',
  );
}

export function parseExactVersion(text: string): Version {
  if (isVersion(text)) return text;
  throw new InvalidArgumentError('It must be a semantic version such as 1.0.1.');
}

export const parseInstant = parseField(instant, 'an instant in UTC such as 2026-01-31T10:00:00Z');

/** A span that ends now, or an instant: which of them, whoever reads it finds. */
export function parseSince(text: string): string {
  if (!Number.isNaN(spanMs(text)) || instant.safeParse(text).success) return text;
  throw new InvalidArgumentError(
    'It must be a span such as 2h or 3d, or an instant in UTC such as 2026-01-31T10:00:00Z.',
  );
}

/** In UTC. */
export const parseDay = parseField(z.iso.date(), 'a day such as 2026-11-29');

export function parseRelease(text: string): ReleaseRef {
  const ref = refOrNull(text);
  if (ref !== null) return ref;
  throw new InvalidArgumentError('It must be such as platform@2.5.0, core@1.2.0 or core/auth@1.0.1.');
}

export const PIN_VERSION = 'a version, a range, or latest-1 for one minor line behind the newest';

/** Nothing at all is the range of every version, and holds none back. */
export function parsePinVersion(text: string): string {
  return parseField(pinVersion, PIN_VERSION)(text.trim() === '' ? 'nothing' : text);
}

/** As the windows of a policy take it. */
export function parseCron(text: string): string {
  const problem = cronProblem(text);
  if (problem === null) return text;
  throw new InvalidArgumentError(`It must be a cron expression such as "0 2 * * sat": ${problem}.`);
}

export function parseZone(text: string): string {
  if (isTimeZone(text)) return text;
  throw new InvalidArgumentError('It must be a time zone such as Europe/Berlin or UTC.');
}

/** `platform@2.5.0`, `core@1.2.0` or `core/auth@1.0.1`, as it was typed. */
export function parseTarget(text: string): string {
  parseRelease(text);
  return text;
}

/** A generation's number, or a version that the agent looks for. */
export function parseRollbackTo(text: string): number | string {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (refOrNull(text)?.kind === 'capability') return text;
  throw new InvalidArgumentError('It must be a generation number, or a version such as core/auth@1.0.0.');
}

export function isRelease(text: string): boolean {
  return refOrNull(text) !== null;
}

function refOrNull(text: string): ReleaseRef | null {
  return orNull(() => parseRef(text));
}

/** What a log is held against, in all three programs: files that somebody else made, and who signed what is in them. */
export const AGAINST: readonly OptionSpec[] = [
  {
    flags: '--against <file...>',
    about: 'what the other side keeps of it: from `fairlead audit receipts` or `fairlead-server audit heads`',
    parse: parsePath,
  },
  {
    flags: '--root <file...>',
    about: 'root metadata whose keys sign receipts, of each time; by default what is known here',
    parse: parsePath,
  },
];
