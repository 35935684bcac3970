// The agent's log: one JSON object a line on standard error, where systemd and containers look for it.
import { writeSync } from 'node:fs';
import pino from 'pino';
import type { Log } from '../../ports/log.ts';

export function createAgentLog(): Log {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, STANDARD_ERROR);
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}

/** A line that cannot be written is lost, for a full disk must not end the agent. pino's own destination would try for ever. */
const STANDARD_ERROR = {
  write(line: string): void {
    try {
      writeSync(2, line);
    } catch {
      // There is nowhere to say so.
    }
  },
};
