// Asking the server: refresh the trust, read the catalog, remember how it went and when to ask again.
import { type Catalog, EMPTY_CATALOG } from '../../../shared/compile/releases.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { sanitizeText } from '../../../shared/encoding/text.ts';
import { CATALOGUE } from '../../../shared/errors/catalogue.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import type { Contact } from '../../../shared/protocol/admin.ts';
import { LONGEST_WAIT_MS, pollDelayMs } from '../../core/pauses.ts';
import type { Clock, Log } from '../../ports/machine.ts';
import type { Repository } from '../../ports/server.ts';

export interface ServerContactOptions {
  readonly repository: Repository;
  readonly clock: Clock;
  readonly log: Log;
  readonly intervalMs: number;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
}

export interface ServerContact {
  /** Reads what the disk holds, until it could be read once. Never throws; needs no network. */
  open(): Promise<void>;
  /** One question; one under way is joined. It may take hours. Never throws: how it went is `last()`. */
  ask(): Promise<void>;
  /** What the vendor has signed, as far as it is known here. */
  catalog(): Catalog;
  last(): Contact | null;
  /** How long the one under way lasts; null where none is. */
  askingMs(): number | null;
  /** The next question is due now, unless the server has said how long it wants to be left alone. */
  expedite(): void;
  /** When the next round is due, on the monotonic clock. */
  dueAt(): number;
}

export function createServerContact(options: ServerContactOptions): ServerContact {
  const { repository, clock, log } = options;
  let catalog = EMPTY_CATALOG;
  /** It may not be what is trusted; until it could be read once more, each round tries. */
  let isStale = true;
  const inTurn = createTurns();
  let failures = 0;
  let last: Contact | null = null;
  let dueAt = clock.monotonic();
  let notBefore = dueAt;
  let isHurried = false;
  let round: Promise<void> | null = null;
  let began = dueAt;

  async function askOnce(): Promise<void> {
    const at = clock.now();
    // Until the answer sets it: nobody asks again, or counts this question as due, while it is under way.
    dueAt = clock.monotonic() + LONGEST_WAIT_MS;
    const { outcome, error } = await refresh(at);
    failures = outcome === 'failed' ? failures + 1 : 0;
    const retryAfterMs = retryAfterMsOf(error);
    const drawnMs = pollDelayMs(options.intervalMs, { failures, retryAfterMs }, options.chance());
    // There may be more since the answer that came now was written.
    const waitMs = isHurried && retryAfterMs === 0 ? 0 : drawnMs;
    isHurried = false;
    dueAt = clock.monotonic() + waitMs;
    notBefore = clock.monotonic() + Math.min(retryAfterMs, LONGEST_WAIT_MS);
    last = {
      at: formatInstant(at),
      ...mirrorOf(repository),
      outcome,
      failure: describeFailure(error),
      next: formatInstant(clock.now() + waitMs),
    };
    if (outcome === 'failed') noteFailure(error, last);
    else if (outcome === 'changed') log.info({ next: last.next }, 'the server has news');
  }

  /** Nothing was learned, or what came was not believed, which may be an attack, or this machine's own disk did not take it. */
  function noteFailure(error: unknown, { failure, next }: Contact): void {
    const isDisbelief = isFairleadError(error) && CATALOGUE[error.code].exit === EXIT.untrusted;
    if (isDisbelief) log.error({ ...failure, next }, 'what the server sent was not believed');
    else if (failure?.code.startsWith('disk/') === true) {
      log.error({ ...failure, next }, 'what the server sent could not be kept on this disk');
    } else log.warn({ ...failure, next }, 'the server could not be asked');
  }

  async function refresh(at: EpochMs): Promise<{ outcome: Contact['outcome']; error: unknown }> {
    try {
      const outcome = await repository.refresh(at);
      isStale ||= outcome === 'changed';
      await load();
      return { outcome, error: null };
    } catch (error) {
      // What is trusted already still counts: forced patches and windows go on without the server.
      isStale = true;
      await load().catch(() => undefined);
      return { outcome: 'failed', error };
    }
  }

  /** In turn: what was asked for before there were news does not come after them. */
  const load = () =>
    inTurn(async () => {
      if (!isStale) return;
      isStale = false;
      try {
        catalog = await repository.catalog();
      } catch (cause) {
        isStale = true;
        throw cause;
      }
    });

  return {
    open: () => load().catch((err) => log.warn({ err }, 'what the vendor has signed cannot be read')),
    ask() {
      if (round === null) began = clock.monotonic();
      round ??= askOnce().finally(() => {
        round = null;
      });
      return round;
    },
    catalog: () => catalog,
    last: () => last,
    askingMs: () => (round === null ? null : clock.monotonic() - began),
    dueAt: () => dueAt,
    expedite() {
      if (round === null) dueAt = Math.min(dueAt, Math.max(clock.monotonic(), notBefore));
      else isHurried = true;
    },
  };
}

function mirrorOf(repository: Repository): { readonly mirror?: string } {
  const mirror = repository.mirror();
  return mirror === null ? {} : { mirror };
}

function retryAfterMsOf(error: unknown): number {
  return isFairleadError(error, 'transport/refused') ? (error.data.retryAfterSeconds ?? 0) * 1000 : 0;
}

function describeFailure(error: unknown): Contact['failure'] {
  if (error === null) return null;
  if (!isFairleadError(error)) {
    return { code: 'internal', message: 'the agent failed to ask', hint: 'see the agent log' };
  }
  return { code: error.code, message: sanitizeText(error.message), hint: error.hint };
}
