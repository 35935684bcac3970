// The server's log: one JSON object a line on standard error.
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';

export function createServerLog(): Logger {
  return pino({ name: 'fairlead-server' }, STANDARD_ERROR);
}

/** A line that cannot be written is lost, for a full disk must not end the server. pino's own destination would try for ever. */
const STANDARD_ERROR = {
  write(line: string): void {
    try {
      writeSync(2, line);
    } catch {
      // There is nowhere to say so.
    }
  },
};
