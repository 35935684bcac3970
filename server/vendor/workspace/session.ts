// What one run of a command works with: the workspace's directory, the clock, who runs it, how it talks.
import type { Output } from '../../../shared/cli/output.ts';
import type { Passphrases } from './passphrases.ts';

export interface Session {
  readonly directory: string;
  readonly out: Output;
  readonly now: () => number;
  /** Account and host: what records and audit name. */
  readonly actor: string;
  readonly passphrases: Passphrases;
  /** Key files named on the command line, besides those in the workspace. */
  readonly keyFiles: readonly string[];
  /** False with --no-publish: what was signed stays in the workspace. */
  readonly publish: boolean;
  /** Why, as the person at the command line says: it stands beside what is signed, in the audit. */
  readonly reason?: string;
}
