// The one class of errors, known by their code, and what the operating system refuses in its words.
import { CATALOGUE, type ErrorCode, type ErrorData } from './catalogue.ts';
import type { ErrorEntry, ExitStatus } from './entry.ts';

export class FairleadError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'FairleadError';
  readonly code: Code;
  readonly data: ErrorData<Code>;

  constructor(code: Code, data: ErrorData<Code>, options?: { readonly cause: unknown }) {
    super(entryOf(code).message(data), options);
    this.code = code;
    this.data = data;
  }

  get hint(): string {
    return entryOf(this.code).hint(this.data);
  }

  get exit(): ExitStatus {
    return entryOf(this.code).exit;
  }

  get http(): number {
    return entryOf(this.code).http;
  }
}

/** True for a FairleadError, and, when codes are given, only for one of those. */
export function isFairleadError<Code extends ErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is FairleadError<Code> {
  if (!(error instanceof FairleadError)) return false;
  return codes.length === 0 || codes.some((code) => code === error.code);
}

/** Damage and forgery look alike: where nothing depends on which it is, what does not verify is as if it were not there. */
export function orNull<Value>(verify: () => Value): Value | null {
  try {
    return verify();
  } catch (error) {
    return nullIfOurs(error);
  }
}

export function nullIfOurs(error: unknown): null {
  if (isFairleadError(error)) return null;
  throw error;
}

// The catalogue's entries differ in their data; the constructor's types tie each code to its own.
function entryOf(code: ErrorCode): ErrorEntry<object> {
  return CATALOGUE[code] as ErrorEntry<object>;
}

/** The code that Node gives a system error, such as `ENOSPC`; SQLite's own words for one of its errors. */
export function systemCode(cause: unknown): string {
  if (cause instanceof Error && 'errcode' in cause) return cause.message;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}

/** Why a connection failed: the system's own code, but words where a library has a code that only it knows. */
export function connectionProblem(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection failed';
  const code = 'code' in cause && cause.code !== undefined ? String(cause.code) : '';
  if (code === '' || cause.message === '') return code || cause.message || 'the connection failed';
  return /^(?:UND|WS)_ERR_/.test(code) ? `${cause.message} (${code})` : code;
}

/** Another connection holds the lock that this one waited for. */
export function isDatabaseBusy(cause: unknown): boolean {
  return sqliteCode(cause) === SQLITE_BUSY;
}

export function isDiskFull(cause: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(cause)) || sqliteCode(cause) === SQLITE_FULL;
}

/** This process, or the machine, is out of descriptors, processes or memory: nobody's fault, and over in a moment perhaps. */
export function isShortage(cause: unknown): boolean {
  return ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(systemCode(cause));
}

/** A write that the disk refused; errors that are ours already pass through. */
export function toDiskError(path: string, cause: unknown, needed = 0): FairleadError {
  if (isFairleadError(cause)) return cause;
  if (isDiskFull(cause)) return new FairleadError('disk/full', { path, needed, free: 0 }, { cause });
  return new FairleadError('disk/failed', { path, problem: systemCode(cause) }, { cause });
}

/** What the system refused, at `place` where it does not say where; null where the error is none of its. */
export function machineFault(cause: unknown, place: string): FairleadError | null {
  if (!(cause instanceof Error) || !('syscall' in cause)) return null;
  return toDiskError('path' in cause ? String(cause.path) : place, cause);
}

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/** The primary result code: the low byte of what SQLite answers. */
function sqliteCode(cause: unknown): number | null {
  return cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) & 0xff : null;
}

export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
