// What people type, made into values: one reading of a line, a number, a duration, for every option of every program.
import { type Digest, isDigest } from '../encoding/digest.ts';
import { durationMs, spanMs } from '../encoding/duration.ts';
import { isFairleadError } from '../errors/error.ts';
import { type ComponentKey, componentKey, line } from '../schema/common.ts';
import { parseRef, type ReleaseRef } from '../schema/release-ref.ts';
import { InvalidArgumentError } from './command.ts';

export function parseNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number of at most nine digits.');
  return Number(text);
}

/** What is written into records: one line, as the agent and the server take it. */
export function parseLine(text: string): string {
  if (line.safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be a line of 1 to 300 characters.');
}

export function parsePath(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must be a path.');
}

/** Milliseconds. */
export function parseDuration(text: string): number {
  const ms = spanMs(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('It must be a duration such as 30s, 4h, 3d, or ISO 8601: PT30S, P3D.');
  return ms;
}

/** The same span in the form that documents hold: `4h` becomes `PT4H`. */
export function parseIsoDuration(text: string): string {
  const ms = parseDuration(text);
  return Number.isNaN(durationMs(text)) ? `PT${ms / 1000}S` : text;
}

export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidArgumentError('It must be "sha256:" and 64 hexadecimal digits.');
}

export function parseCapability(text: string): ComponentKey {
  const { success, data } = componentKey.safeParse(text);
  if (success) return data;
  throw new InvalidArgumentError('It must be a capability such as core/auth.');
}

/** `platform@2.5.0`, `core@1.2.0` or `core/auth@1.0.1`, as it was typed. */
export function parseTarget(text: string): string {
  if (refOrNull(text) !== null) return text;
  throw new InvalidArgumentError('It must be such as platform@2.5.0, core@1.2.0 or core/auth@1.0.1.');
}

/** A generation's number, or a version that the agent looks for. */
export function parseRollbackTo(text: string): number | string {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (refOrNull(text)?.kind === 'capability') return text;
  throw new InvalidArgumentError('It must be a generation number, or a version such as core/auth@1.0.0.');
}

function refOrNull(text: string): ReleaseRef | null {
  try {
    return parseRef(text);
  } catch (error) {
    if (isFairleadError(error)) return null;
    throw error;
  }
}
