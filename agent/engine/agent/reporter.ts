// Reports: what runs, what was decided and what happened, until the server has it. Failing to report stops nothing.
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { EMPTY_OUTBOX, markDelivered, nextBatch, type Outbox, selectUndelivered } from '../../core/outbox.ts';
import type { Log } from '../../ports/machine.ts';
import type { Sent, ServerChannel } from '../../ports/server.ts';
import type { JsonStore } from '../../ports/state.ts';

export interface ReporterOptions {
  readonly channel: Pick<ServerChannel, 'send'>;
  readonly outbox: JsonStore<Outbox>;
  readonly log: Log;
  /** The present state; sequence and records are the reporter's. */
  readonly observe: () => Promise<Omit<Report, 'sequence' | 'records'>>;
  /** Oldest first. */
  readonly records: () => Promise<readonly DeploymentRecord[]>;
  /** The server's word about proposals, which comes with its answer. */
  readonly onMark: (mark: number) => void;
}

export interface Reporter {
  /** Reports soon; calls while one is on its way make one more. */
  request(): void;
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>;
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

  async function run(): Promise<void> {
    do {
      again = false;
      try {
        const { twinsHeard } = await deliver(options);
        word = { refusal: null, twinsHeard };
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

/** At least one report, and as many as it takes to deliver every record. Answers what the server said to the last. */
async function deliver(options: ReporterOptions): Promise<Sent> {
  let state = (await options.outbox.read()) ?? EMPTY_OUTBOX;
  let restored = false;
  for (;;) {
    const records = await options.records();
    const batch = nextBatch(state, records);
    // The number is on disk before the report leaves: a crash never gives one number to two reports.
    state = { ...state, sequence: state.sequence + 1 };
    await options.outbox.write(state);
    const observed = await options.observe();
    const report = { ...observed, sequence: state.sequence, records: [...batch] };
    const sent = await options.channel.send(report);
    const { sequence: held, proposals } = sent;
    if (proposals !== null) options.onMark(proposals);
    if (held > state.sequence && !restored) {
      // This disk was restored from a backup: the server knows later numbers, so this report did not count.
      restored = true;
      state = { ...state, sequence: Math.min(held, HIGHEST_SEQUENCE) };
      continue;
    }
    state = markDelivered(state, batch);
    await options.outbox.write(state);
    if (selectUndelivered(state, records).length === 0) return sent;
  }
}
