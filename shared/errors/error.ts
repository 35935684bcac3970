// The one error class: a code from the catalogue, its data, and the cause.
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

// The catalogue's entries differ in their data; the constructor's types tie each code to its own.
function entryOf(code: ErrorCode): ErrorEntry<object> {
  return CATALOGUE[code] as ErrorEntry<object>;
}
