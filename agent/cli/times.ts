// Times at the terminal, typed as people say them.
import { spanMs } from '../../shared/encoding/duration.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { parseWhen } from '../core/when.ts';
import type { CliContext } from './context.ts';

/** `sat 02:00`, `2026-03-07 02:00`, or an instant. Error: time/unreadable. */
export function readInstant(context: CliContext, text: string): string {
  const at = parseWhen(text, context.clock.now(), context.zone);
  if (at === null) throw new FairleadError('time/unreadable', { text });
  return formatInstant(at);
}

/** `4h`, `3d`, `PT30M`: the instant that far from now. Error: time/unreadable. */
export function readSpanFromNow(context: CliContext, text: string): string {
  const span = spanMs(text);
  if (Number.isNaN(span)) throw new FairleadError('time/unreadable', { text });
  return formatInstant(context.clock.now() + span);
}
