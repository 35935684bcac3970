// The agent's log: one JSON object a line on standard error, where systemd and containers look for it.
import pino from 'pino';
import type { Log } from '../ports/log.ts';

export function createAgentLog(): Log {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}
