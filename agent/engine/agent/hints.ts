// Hints of the server: listened for while that can be had, and what they may do, which is that the agent asks sooner.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { Hint, HintsState } from '../../../shared/protocol/hint.ts';
import { listenDelayMs } from '../../core/pauses.ts';
import type { Clock, Log } from '../../ports/machine.ts';
import type { ServerChannel } from '../../ports/server.ts';

export interface HintsOptions {
  readonly channel: Pick<ServerChannel, 'listen'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  /** There may be news: the server can be asked now. */
  readonly onNews: () => void;
  readonly onProposals: () => void;
}

export interface Hints {
  /** Listens until the signal aborts. Never throws. */
  run(signal: AbortSignal): Promise<void>;
  /** Null before the first attempt. */
  state(): HintsState | null;
}

/** Whatever a server says, it is not asked sooner than that after the last hint. */
const GAP_MS = 5_000;
/** Nor later: by then every agent has polled. */
const LONGEST_SPREAD_MS = 10 * 60_000;
/** What was said before we listened is not said again. */
const AFTER_OPEN_MS = 10_000;

export function createHints(options: HintsOptions): Hints {
  const { channel, clock, log, chance } = options;
  let state: HintsState | null = null;

  function note(isListening: boolean, problem: string | null): void {
    if (state?.listening === isListening && state.problem === problem) return;
    state = { listening: isListening, since: formatInstant(clock.now()), problem };
    log.info({ listening: isListening, problem }, 'hints of the server');
  }

  async function run(signal: AbortSignal): Promise<void> {
    const news = createDelay(options, options.onNews, signal);
    const proposals = createDelay(options, options.onProposals, signal);
    const on = {
      onOpen: () => {
        // What was missed while nobody listened: after a server's absence the next poll may be far away.
        if (state !== null) news(AFTER_OPEN_MS);
        note(true, null);
      },
      onHint: (hint: Hint) => {
        if (hint.timestamp !== undefined) news(hint.spreadMs);
        if (hint.proposals === true) proposals(hint.spreadMs);
      },
    };
    for (let failures = 0; !signal.aborted; ) {
      const { problem, isRefusal, isSteady } = await channel.listen(on, signal);
      if (signal.aborted) return;
      note(false, sanitizeLine(problem, 200));
      failures = isSteady ? 0 : failures + 1;
      await clock.sleep(listenDelayMs({ failures, isRefusal }, chance()), signal);
    }
  }

  return { run, state: () => state };
}

/** Acts once for all hints that come until it does, at the earliest moment that any of them leads to. */
function createDelay(
  { clock, chance }: Pick<HintsOptions, 'clock' | 'chance'>,
  act: () => void,
  signal: AbortSignal,
): (spreadMs: number) => void {
  let dueAt: number | null = null;
  let earliest = clock.monotonic();
  return (spreadMs) => {
    const now = clock.monotonic();
    const at = Math.max(earliest, now + chance() * Math.min(spreadMs, LONGEST_SPREAD_MS));
    if (dueAt !== null && dueAt <= at) return;
    dueAt = at;
    void clock.sleep(at - now, signal).then(() => {
      // Another hint was more urgent and has been acted on, or is about to be.
      if (dueAt !== at || signal.aborted) return;
      dueAt = null;
      earliest = clock.monotonic() + GAP_MS;
      act();
    });
  };
}
