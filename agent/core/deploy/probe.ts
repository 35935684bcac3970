// Probes: one question about a running service, ready to be asked.
import type { Asked, Question } from '../../../shared/schema/probes/probes.ts';

/** A command of the release: it runs in the tree, with the service's environment and account. */
export interface Command extends Asked<'exec'> {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly dataDirectory: string;
  readonly user: string | null;
  readonly timeoutMs: number;
}

/** A question with what it takes to ask it here. */
export type Probe = (Exclude<Question, Asked<'exec'>> & { readonly timeoutMs: number }) | Command;
