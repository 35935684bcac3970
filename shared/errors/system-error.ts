// What the operating system refuses, in Fairlead's words.
import { FairleadError, isFairleadError } from './error.ts';

/** The code that Node gives a system error, such as `ENOSPC`. */
export function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}

/** A write that the disk refused; errors that are ours already pass through. */
export function toDiskError(path: string, cause: unknown, needed = 0): FairleadError {
  if (isFairleadError(cause)) return cause;
  const code = systemCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FairleadError('disk/full', { path, needed, free: 0 }, { cause });
  }
  return new FairleadError('disk/failed', { path, problem: code }, { cause });
}
