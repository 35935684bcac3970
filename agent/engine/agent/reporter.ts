// Reports: what runs, what was decided and what happened, until the server has it. Failing to report stops nothing.
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { OptionalPart, Report } from '../../../shared/protocol/report.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import {
  EMPTY_OUTBOX,
  markDelivered,
  nextBatch,
  type Outbox,
  readableBy,
  selectUndelivered,
} from '../../core/outbox.ts';
import type { Log } from '../../ports/machine.ts';
import type { Sent, ServerChannel } from '../../ports/server.ts';
import type { JsonStore } from '../../ports/state.ts';
import type { Witness } from './witness.ts';

export interface ReporterOptions {
  readonly channel: Pick<ServerChannel, 'beat' | 'send'>;
  readonly outbox: JsonStore<Outbox>;
  readonly log: Log;
  /** The present state; sequence and records are the reporter's. */
  readonly observe: () => Promise<Omit<Report, 'sequence' | 'records'>>;
  /** Oldest first. */
  readonly records: () => Promise<readonly DeploymentRecord[]>;
  /** Nothing is said, and what happens stays here for good. */
  readonly isOff: () => Promise<boolean>;
  readonly witness: Pick<Witness, 'claim' | 'noteRestored' | 'take'>;
  /** The server's word about proposals, which comes with its answer. */
  readonly onMark: (mark: number) => void;
}

export interface Reporter {
  /** Reports soon; calls while one is on its way make one more. */
  request(): void;
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>;
  /** What would be said now, and whether it is owed. */
  next(): Promise<{ readonly report: Report; readonly waits: boolean }>;
  /** Records the server has not taken yet. */
  undelivered(): Promise<number>;
  /** What it last said about who this is, beside taking reports or not. */
  word(): ServerWord;
}

export interface ServerWord {
  /** Why it takes no report from here; null where it does, or could not be asked. */
  readonly refusal: { readonly code: string; readonly message: string } | null;
  readonly twinsHeard: string | null;
}

/** The credential is not taken: nothing that passes by itself. */
const NOT_TAKEN: readonly number[] = [401, 403];

export function createReporter(options: ReporterOptions): Reporter {
  let running: Promise<void> | null = null;
  let again = false;
  let word: ServerWord = { refusal: null, twinsHeard: null };
  const known: Known = { last: null, reads: [] };

  async function run(): Promise<void> {
    do {
      again = false;
      try {
        if (await options.isOff()) {
          await passOver(options, known);
          word = { refusal: null, twinsHeard: null };
        } else {
          const { twinsHeard } = await deliver(options, known);
          word = { refusal: null, twinsHeard };
        }
      } catch (error) {
        const refusal = refusalIn(error);
        if (refusal !== null) word = { ...word, refusal };
        const code = isFairleadError(error) ? error.code : 'internal';
        options.log.warn({ code, err: error }, 'a report could not be delivered; it is kept');
        return;
      }
    } while (again);
  }

  return {
    request() {
      again = true;
      running ??= run().finally(() => {
        running = null;
      });
    },
    settled: async () => {
      while (running !== null) await running;
    },
    word: () => word,
    next: async () => {
      const state = (await options.outbox.read()) ?? EMPTY_OUTBOX;
      const batch = nextBatch(state, await options.records());
      const report = await reportOf(options, known, state.sequence + 1, batch);
      return {
        report,
        waits: batch.length > 0 || report.ledger !== undefined || known.last?.said !== saidIn(report),
      };
    },
    undelivered: async () =>
      selectUndelivered((await options.outbox.read()) ?? EMPTY_OUTBOX, await options.records()).length,
  };
}

// The server's word moves the counter, but never to where counting on would fail.
const HIGHEST_SEQUENCE = 2 ** 52;

function refusalIn(error: unknown): ServerWord['refusal'] {
  if (!isFairleadError(error, 'transport/refused') || !NOT_TAKEN.includes(error.data.status)) return null;
  return { code: error.data.said ?? 'auth/refused', message: error.data.problem };
}

/** The last report that the server holds, as far as anybody knows; after a start nothing is. */
interface Known {
  last: { readonly said: string; readonly digest: string } | null;
  reads: readonly OptionalPart[];
}

async function reportOf(
  { observe, witness }: ReporterOptions,
  { reads }: Known,
  sequence: number,
  records: readonly DeploymentRecord[],
): Promise<Report> {
  const ledger = reads.includes('ledger') ? await witness.claim() : null;
  const claimed = ledger === null ? {} : { ledger };
  return readableBy(reads, { ...(await observe()), ...claimed, sequence, records: [...records] });
}

/** What nobody is told now is told to nobody later: who switches reporting on speaks of what comes. */
async function passOver({ outbox, records }: ReporterOptions, known: Known): Promise<void> {
  known.last = null;
  const state = (await outbox.read()) ?? EMPTY_OUTBOX;
  const passed = selectUndelivered(state, await records());
  if (passed.length > 0) await outbox.write(markDelivered(state, passed));
}

/** At least one word, and as many reports as it takes to deliver every record. Answers what the server said to the last. */
async function deliver(options: ReporterOptions, known: Known): Promise<Sent> {
  let state = (await options.outbox.read()) ?? EMPTY_OUTBOX;
  let restored = false;
  for (;;) {
    const records = await options.records();
    const batch = nextBatch(state, records);
    // The number is on disk before the report leaves: a crash never gives one number to two reports.
    state = { ...state, sequence: state.sequence + 1 };
    await options.outbox.write(state);
    const report = await reportOf(options, known, state.sequence, batch);
    const sent = await tell(options, known, report);
    if (sent.proposals !== null) options.onMark(sent.proposals);
    if (sent.sequence > state.sequence && !restored) {
      // This disk was restored from a backup: the server knows later numbers, so this report did not count.
      restored = true;
      await options.witness.noteRestored(sent.sequence);
      state = { ...state, sequence: Math.min(sent.sequence, HIGHEST_SEQUENCE) };
      continue;
    }
    // It reads more than was known: what was left out of a record would never be said.
    if (sent.wantsWhole || isCut(batch, report, known.reads)) continue;
    state = markDelivered(state, batch);
    await options.outbox.write(state);
    if (selectUndelivered(state, records).length === 0) return sent;
  }
}

/** Whether something was left out of a record that the server does read. */
function isCut(
  batch: readonly DeploymentRecord[],
  { records }: Report,
  reads: readonly OptionalPart[],
): boolean {
  const lacks = (key: 'fix' | 'fetched') =>
    batch.some((record, at) => record[key] !== undefined && records[at]?.[key] === undefined);
  return (reads.includes('fixes') && lacks('fix')) || (reads.includes('fetched') && lacks('fetched'));
}

/** A heartbeat where a report would bring nothing new. What failed may have been taken: from then on nothing is known. */
async function tell(
  { channel, witness }: ReporterOptions,
  known: Known,
  report: Report,
): Promise<Sent & { readonly wantsWhole: boolean }> {
  const { sequence, records, ledger } = report;
  const said = saidIn(report);
  const { last } = known;
  known.last = null;
  if (last !== null && last.said === said && records.length === 0 && ledger === undefined) {
    const sent = await beat(channel, { sequence, report: last.digest });
    if (!sent.wantsWhole && sent.sequence === sequence) known.last = last;
    return sent;
  }
  known.reads = [];
  const sent = await channel.send(report);
  known.reads = sent.reads;
  if (ledger !== undefined) await witness.take(sent.receipt ?? null, ledger);
  if (sent.held !== null && sent.sequence === sequence) known.last = { said, digest: sent.held };
  return { ...sent, wantsWhole: false };
}

/** What of a report another one may say again: where the log ends is asked for by itself. */
function saidIn({ sequence: _, records: __, at: ___, ledger: ____, ...state }: Report): string {
  return JSON.stringify(state);
}

/** An earlier server, that took the place of the one that knew them, knows no heartbeats. */
async function beat(
  channel: ReporterOptions['channel'],
  heartbeat: Parameters<ServerChannel['beat']>[0],
): ReturnType<ServerChannel['beat']> {
  try {
    return await channel.beat(heartbeat);
  } catch (error) {
    if (!isFairleadError(error, 'transport/refused') || error.data.status !== NOT_FOUND) throw error;
    return { sequence: 0, held: null, reads: [], proposals: null, twinsHeard: null, wantsWhole: true };
  }
}

const NOT_FOUND = 404;
