// Where a program's log goes: one JSON object a line on standard error, and no line that could mislead or stop it.
import { writeSync } from 'node:fs';
import { sanitizeJsonLine } from '../encoding/text.ts';

/**
 * pino's destination. A line that cannot be written is lost, for a full disk must not end the program: pino's own would
 * try for ever. Whatever a field holds, an error's message or a service's name, is made harmless here, at the only door.
 */
export function createLogDestination(write: (line: string) => void = toStandardError): {
  write(line: string): void;
} {
  return {
    write(line) {
      try {
        write(sanitizeJsonLine(line));
      } catch {
        // There is nowhere to say so.
      }
    },
  };
}

function toStandardError(line: string): void {
  writeSync(2, line);
}
