// Programs of the machine and of a release: are they there, and would the system run them.
import type { ProgramCall } from '../core/deploy/program-calls.ts';

/** Starts nothing of it. Errors: service/no-program, service/not-runnable. */
export type FindProgram = (call: ProgramCall) => Promise<void>;
