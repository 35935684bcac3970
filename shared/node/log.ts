// Where a program's log goes: one JSON object a line on standard error, and no line that could mislead or stop it.
import { writeSync } from 'node:fs';
import pino, { type Logger, type LoggerOptions } from 'pino';
import { type Redact, redactStrings } from '../encoding/redact.ts';
import { sanitizeJsonLine } from '../encoding/text.ts';

export interface LogOptions {
  readonly write?: (line: string) => void;
  /** Takes the secrets out that the program knows; none unless given. */
  readonly redact?: Redact;
}

/** A program's log, as `about` says how its lines begin. */
export function createLog(about: LoggerOptions, options?: LogOptions): Logger {
  return pino(about, createLogDestination(options));
}

/**
 * pino's destination. A line that cannot be written is lost, for a full disk must not end the program: pino's own would
 * try for ever. Whatever a field holds, an error's message or a service's name, is made harmless here, at the only door.
 */
export function createLogDestination({ write = toStandardError, redact }: LogOptions = {}): {
  write(line: string): void;
} {
  return {
    write(line) {
      try {
        write(sanitizeJsonLine(redact === undefined ? line : redactLine(line, redact)));
      } catch {
        // There is nowhere to say so.
      }
    },
  };
}

/** Only texts can hold a secret: a number or a field's name that looks like one must not spoil the line. */
function redactLine(line: string, redact: Redact): string {
  return `${JSON.stringify(redactStrings(JSON.parse(line), redact))}\n`;
}

function toStandardError(line: string): void {
  writeSync(2, line);
}
