// What commands are made of: how their arguments are read, and how an action finds its context.
import { InvalidArgumentError } from 'commander';
import { type Digest, isDigest } from '../../shared/encoding/digest.ts';
import { durationMs } from '../../shared/encoding/duration.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import { CHANNELS, type Channel } from '../../shared/protocol/report.ts';
import { type ComponentKey, componentKey, line } from '../../shared/schema/common.ts';
import { parseRef, type ReleaseRef } from '../../shared/schema/release-ref.ts';
import type { CliContext } from './context.ts';

/** What a command does; it returns the exit status. */
export type Action<Rest extends readonly unknown[]> = (context: CliContext, ...rest: Rest) => Promise<number>;

/** Makes an action for commander of one that is loaded when it runs. */
export type Act = <Rest extends readonly unknown[]>(
  load: () => Promise<Action<Rest>>,
) => (...given: unknown[]) => Promise<void>;

export function parseNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number of at most nine digits.');
  return Number(text);
}

/** A generation's number, or a version that the agent looks for. */
export function parseRollbackTo(text: string): number | string {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (refOrNull(text)?.kind === 'capability') return text;
  throw new InvalidArgumentError('It must be a generation number, or a version such as core/auth@1.0.0.');
}

export function parseTarget(text: string): string {
  if (refOrNull(text) !== null) return text;
  throw new InvalidArgumentError('It must be such as platform@2.5.0, core@1.2.0 or core/auth@1.0.1.');
}

export function parseCapability(text: string): ComponentKey {
  const { success, data } = componentKey.safeParse(text);
  if (success) return data;
  throw new InvalidArgumentError('It must be a capability such as core/auth.');
}

/** What is written into records: one line, as the agent takes it. */
export function parseLine(text: string): string {
  if (line.safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be a line of 1 to 300 characters.');
}

export function parsePath(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must be a path.');
}

export function parseChannel(text: string): Channel {
  const channel = CHANNELS.find((known) => known === text);
  if (channel === undefined) throw new InvalidArgumentError(`It must be one of ${CHANNELS.join(', ')}.`);
  return channel;
}

/** Milliseconds. */
export function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('It must be an ISO 8601 duration such as PT30S or P3D.');
  return ms;
}

export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidArgumentError('It must be "sha256:" and 64 hexadecimal digits.');
}

function refOrNull(text: string): ReleaseRef | null {
  try {
    return parseRef(text);
  } catch (error) {
    if (isFairleadError(error)) return null;
    throw error;
  }
}
