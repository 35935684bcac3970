// What a refusal is, to a test: its code, never its prose.
import type { ErrorCode, ErrorData } from '../../shared/errors/catalogue.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';

/** The code of the FairleadError that `act` throws; fails when it throws anything else or nothing. */
export function codeOf(act: () => unknown): ErrorCode {
  return refusalOf(act).code;
}

export function refusalOf(act: () => unknown): FairleadError {
  try {
    act();
  } catch (error) {
    return expectFairlead(error);
  }
  throw new Error('expected a refusal, got none');
}

/** The same for a promise. */
export async function rejectionOf(promise: Promise<unknown>): Promise<FairleadError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => ({ error }),
  );
  if (outcome === null) throw new Error('expected a refusal, got none');
  return expectFairlead(outcome.error);
}

export function dataOf<Code extends ErrorCode>(error: FairleadError, code: Code): ErrorData<Code> {
  if (!isFairleadError(error, code)) throw new Error(`expected ${code}, got ${error.code}`);
  return error.data;
}

/** The code of what an agent refused, as the command line meets it. */
export async function refusedCode(promise: Promise<unknown>): Promise<string> {
  const refusal = await rejectionOf(promise);
  return isFairleadError(refusal, 'agent/refused') ? refusal.data.code : refusal.code;
}

function expectFairlead(error: unknown): FairleadError {
  if (error instanceof FairleadError) return error;
  throw new Error('expected a FairleadError', { cause: error });
}
