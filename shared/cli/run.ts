// One run of a program: from argument list to exit status, with one way to say what went wrong.

import { userInfo } from 'node:os';
import { type Command, CommanderError } from 'commander';
import { safeJson, sanitizeText } from '../encoding/text.ts';
import { EXIT } from '../errors/entry.ts';
import { isFairleadError } from '../errors/error.ts';
import type { Streams } from './command.ts';
import { MISUSE_HINT, sanitizeMisuse } from './output.ts';

/**
 * People read `error:` and `hint:` on standard error; with `--json` a program reads one document on standard output too.
 * Anything but our own errors is a mistake of ours: its trace is for whoever mends it. Answers the exit status; null where
 * the command itself has set it.
 */
export async function runProgram(
  program: Command,
  argv: readonly string[],
  streams: Streams,
): Promise<number | null> {
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return null;
  } catch (error) {
    return reportError(error, argv.includes('--json'), streams);
  }
}

function reportError(error: unknown, json: boolean, { stdout, stderr }: Streams): number {
  const tell = (code: string, message: string, hint: string) => {
    const document = { schema: 'fairlead/error@1', error: { code, message, hint } };
    if (json) stdout.write(`${safeJson(document, 2)}\n`);
  };
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    // Commander has told people already.
    tell('usage', sanitizeMisuse(error.message.replace(/^error: /, '')), MISUSE_HINT);
    return EXIT.usage;
  }
  if (!isFairleadError(error)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell('internal', 'a mistake in this program', 'its trace is on standard error');
    stderr.write(`error: a mistake in this program\n${sanitizeText(trace)}\n`);
    return EXIT.failed;
  }
  // An agent's or a server's own refusal comes with the code and the exit status that it chose.
  const { code, exit } = isFairleadError(error, 'agent/refused') ? error.data : error;
  tell(code, error.message, error.hint);
  stderr.write(`error: ${sanitizeText(error.message)}\n  hint: ${sanitizeText(error.hint)}\n`);
  return exit;
}

/** `alice (sudo)` where somebody stands behind root. Their own word: good for a record, no authority for anything. */
export function accountName(): string {
  const sudoer = process.env.SUDO_USER;
  const name = process.getuid?.() === 0 && sudoer !== undefined ? `${sudoer} (sudo)` : passwdName();
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}

function passwdName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run accounts that no passwd file knows.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
