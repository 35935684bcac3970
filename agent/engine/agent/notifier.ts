// Tells people of this install what stands, beside the rounds: nothing waits for it, and what could not be told is told later.
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { StatusReply } from '../../../shared/protocol/admin.ts';
import type { NoticesTestedReply } from '../../../shared/protocol/upkeep.ts';
import {
  describeNotices,
  NOTHING_TOLD,
  type Notice,
  type NoticesTold,
  noticesOf,
  openingAfter,
  SINKS,
  type Sink,
  selectDue,
  type Told,
} from '../../core/notices.ts';
import { renderTextfile } from '../../core/textfile.ts';
import type { Clock, Log, Notices } from '../../ports/machine.ts';
import type { JsonStore } from '../../ports/state.ts';

export interface Notifier {
  /** Begins a look, unless one is under way. */
  look(): void;
  /** Resolves when none is under way. */
  settled(): Promise<void>;
}

export interface NotifierOptions {
  readonly notices: Notices;
  readonly told: JsonStore<Told>;
  readonly clock: Clock;
  readonly log: Log;
  readonly status: () => Promise<StatusReply>;
}

/** After each failure in a row. */
const PAUSES_MS = [60_000, 5 * 60_000, 30 * 60_000] as const;

export function createNotifier(options: NotifierOptions): Notifier {
  const { log } = options;
  const resting = new Map<Sink, Rest>();
  let looking: Promise<void> | null = null;
  return {
    look() {
      looking ??= tellAll(options, resting)
        .catch((err) => log.warn({ err }, 'people could not be told what stands'))
        .finally(() => {
          looking = null;
        });
    },
    settled: async () => {
      await looking;
    },
  };
}

interface Rest {
  readonly failures: number;
  /** Of the monotonic clock. */
  readonly until: number;
}

async function tellAll(options: NotifierOptions, resting: Map<Sink, Rest>): Promise<void> {
  const { notices, told: store, status: readStatus, log } = options;
  const config = await notices.config();
  if (config === null) return;
  const status = await readStatus();
  if (config.textfile !== undefined) {
    await notices
      .writeTextfile(config.textfile, renderTextfile(status))
      .catch((err) => log.warn({ err }, 'the numbers of this install could not be written'));
  }
  const told = (await store.read()) ?? NOTHING_TOLD;
  const standing = noticesOf(status, told);
  const sinks = SINKS.filter((sink) => config[sink] !== undefined);
  let after = told;
  for (const sink of sinks) {
    const { due, told: next } = selectDue(standing, told[sink], options.clock.now(), config.again);
    const message = describeNotices(status, due, next);
    const isTold = due.length === 0 || (await attempt(options, resting, sink, message));
    // What was not told is due again with the next look.
    if (isTold) after = { ...after, [sink]: next };
  }
  const heard = sinks.map((sink) => after[sink]);
  after = { ...after, opening: openingAfter(status, told, heard) };
  // A write for each round would wear a disk for nothing.
  if (JSON.stringify(after) !== JSON.stringify(told)) await store.write(after);
}

async function attempt(
  { notices, clock, log }: NotifierOptions,
  resting: Map<Sink, Rest>,
  sink: Sink,
  message: NoticesTold,
): Promise<boolean> {
  const { failures, until } = resting.get(sink) ?? { failures: 0, until: 0 };
  if (clock.monotonic() < until) return false;
  const problem = await notices.send(sink, message);
  if (problem === null) {
    resting.delete(sink);
    return true;
  }
  const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 0;
  resting.set(sink, { failures: failures + 1, until: clock.monotonic() + pause });
  log.warn({ sink, problem }, 'people could not be told what stands; it is tried again');
  return false;
}

/** Tells everybody at once that this is a test, the way that alarms go, and writes the numbers. */
export async function testNotices(
  notices: Notices | undefined,
  readStatus: () => Promise<StatusReply>,
): Promise<NoticesTestedReply> {
  const config = (await notices?.config()) ?? null;
  const schema = 'fairlead/notices-tested@1';
  if (notices === undefined || config === null) return { schema, tested: {} };
  const status = await readStatus();
  const message = describeNotices(status, [TEST], {});
  const { textfile } = config;
  const outcomes = [
    ...SINKS.filter((sink) => config[sink] !== undefined).map(
      async (sink) => [sink, await notices.send(sink, message)] as const,
    ),
    ...(textfile === undefined
      ? []
      : [
          notices.writeTextfile(textfile, renderTextfile(status)).then(
            () => ['textfile', null] as const,
            (error: unknown) => ['textfile', problemOf(error)] as const,
          ),
        ]),
  ];
  return { schema, tested: Object.fromEntries(await Promise.all(outcomes)) };
}

const TEST: Notice = { kind: 'test', about: 'test', text: 'this is a test; nothing is wrong' };

function problemOf(error: unknown): string {
  return isFairleadError(error) ? `${error.message}; ${error.hint}` : String(error);
}
