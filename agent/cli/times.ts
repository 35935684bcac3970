// Times at the terminal, typed as people say them.
import { InvalidArgumentError } from '../../shared/cli/command.ts';
import { type EpochMs, formatInstant, spanMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { parseWhen } from '../core/when.ts';
import type { CliContext } from './context.ts';

/** `sat 02:00`, `2026-03-07 02:00`, or an instant. Error: time/unreadable. */
export function readInstant(context: CliContext, text: string): string {
  const at = parseWhen(text, context.clock.now(), context.zone);
  if (at === null) throw new FairleadError('time/unreadable', { text });
  return formatInstant(at);
}

/** As `readInstant` takes it, whatever the clock and the zone. */
export function parseTime(text: string): string {
  if (parseWhen(text, ANY_TIME, 'UTC') !== null) return text;
  throw new InvalidArgumentError(
    'It must be a time such as "sat 02:00", "2026-03-07 02:00" or 2026-03-07T02:00:00Z.',
  );
}

/** The beginning of a span that ends now, such as `1h`; or the last `sat 02:00` there was, or an instant. Error: time/unreadable. */
export function readSince(context: CliContext, text: string): string {
  const now = context.clock.now();
  const span = spanMs(text);
  if (!Number.isNaN(span)) return formatInstant(now - span);
  const last = [DAY_MS, 7 * DAY_MS].map((ms) => parseWhen(text, now - ms, context.zone));
  const at = last.find((one) => one !== null && one <= now) ?? last[0] ?? null;
  if (at === null) throw new FairleadError('time/unreadable', { text });
  return formatInstant(at);
}

/** As `readSince` takes it. */
export function parseSince(text: string): string {
  if (!Number.isNaN(spanMs(text)) || parseWhen(text, ANY_TIME, 'UTC') !== null) return text;
  throw new InvalidArgumentError(
    'It must be a span such as 1h or 3d, or a time such as "02:00", "sat 02:00" or 2026-03-07T02:00:00Z.',
  );
}

const DAY_MS = 86_400_000;
const ANY_TIME: EpochMs = 0;
