// Whose failure it was: what a release itself does on a machine, apart from what machine, network or a person did.
import { type ErrorCode, isErrorCode } from '../errors/catalogue.ts';

/** Only what the release itself does is its fault; a full disk, a power cut or a lost network never is. */
export const RELEASE_FAULTS = [
  'service/start-failed',
  'deploy/hook-failed',
  'deploy/unhealthy',
  'deploy/exited',
  'deploy/smoke-failed',
  'deploy/unknown-variable',
] as const satisfies readonly ErrorCode[];

/** A code that nobody here knows counts against the release: an excuse has to be understood. */
export function isSurroundings(code: string): boolean {
  return isErrorCode(code) && !(RELEASE_FAULTS as readonly string[]).includes(code);
}
