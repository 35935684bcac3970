// Times at the terminal, typed as people say them.
import { InvalidArgumentError } from '../../shared/cli/command.ts';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
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

const ANY_TIME: EpochMs = 0;
