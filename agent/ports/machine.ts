// The machine below: its clock, its programs, values kept outside the configuration, probes, the log, and signs of life.

import type { Reference } from '../../shared/compile/references.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { Answer } from '../../shared/schema/probes/probe-kind.ts';
import type { Shown } from '../core/deploy/agent-slots.ts';
import type { Probe } from '../core/deploy/health.ts';
import type { ProgramCall } from '../core/deploy/program-calls.ts';
import type { NoticesConfig } from '../core/notice-mail.ts';
import type { NoticesTold, Sink } from '../core/notices.ts';

/** Wall clock for documents, monotonic time for waiting. */
export interface Clock {
  now(): EpochMs;
  /** Milliseconds from an arbitrary start; never jumps. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Starts nothing of it. Errors: service/no-program, service/not-runnable. */
export type FindProgram = (call: ProgramCall) => Promise<void>;

/** The value as text, without one trailing line break. Error: setting/unreadable. The value is a secret: never log it. */
export type ReadReference = (reference: Reference) => Promise<string>;

export type { Probe };

export interface ProbeResult extends Answer {
  /** This machine had no descriptor or process left to ask with: that says nothing about who was asked. */
  readonly starved?: boolean;
}

export interface Prober {
  /** Never throws: a probe that cannot be made is unhealthy and says why. */
  probe(probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
}

/** Fields first, then one fixed sentence. Never a secret, never network text that was not sanitised. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where people of this install want to hear what stands. */
export interface Notices {
  /** As it is now; null where nobody wants to hear anything. What cannot be read is said in the log, and tells nobody. */
  config(): Promise<NoticesConfig | null>;
  /** Null where it was taken, else why not, in words. Never throws, and takes no longer than half a minute. */
  send(sink: Sink, message: NoticesTold): Promise<string | null>;
  /** Whole or not at all. Errors: notify/read-only, disk/*. */
  writeTextfile(directory: string, text: string): Promise<void>;
}

/** `rounds` ask, decide and report; `services` deploys and looks after what runs. */
export type Part = 'rounds' | 'services';

/** Every part of the agent that must get on says by when it will be heard of again. */
export interface Pulse {
  /** The next sign comes within `ms`. An earlier promise that reaches further stands: work goes on side by side. */
  promise(part: Part, ms: number): void;
}

/** A round that went through, as far as it says something about the agent itself. */
export interface RoundSeen {
  /** The server answered, and was believed. */
  readonly reached: boolean;
  /** Counts the state files that cannot be read. */
  readonly damages: () => Promise<number>;
}

/** This very process, as the driver needs it that puts another agent in its place. */
export interface OwnProcess {
  /** It was started from the slots, by a unit that counts the starts of a trial and goes back. */
  readonly inSlots: boolean;
  readonly pid: number;
  /** Ends it in order; the service manager then starts what is current by that time. */
  handOver(): void;
  /** Aborts when it ends, for this reason or another. */
  readonly ending: AbortSignal;
  note(shown: Exclude<Shown, 'state'>): void;
  noteRound(round: RoundSeen): void;
  has(shown: Exclude<Shown, 'state'>): boolean;
  /** As the last round found it; null before the first. */
  damages(): Promise<number | null>;
  /** Resolves when something was noted since. */
  changed(): Promise<void>;
  /** It is no longer on trial: the service manager may be told that it is ready. */
  prove(): void;
}
