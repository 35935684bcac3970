// What the parts of a simulated fleet know of one another: an install, what sets it apart, and the server.
import type { Catalog } from '../../../shared/compile/releases.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import type { Policy } from '../../../shared/schema/policy.ts';
import type { MemoryDisk } from '../../support/memory-deployments.ts';
import type { Report } from './reports.ts';
import type { SimulatedRelease } from './vendor.ts';

/** What an install is, and what differs among a fleet's. */
export interface InstallFacts {
  readonly id: string;
  readonly os: string;
  readonly arch: string;
  readonly region: string;
  readonly config: InstanceConfig;
  readonly policy: Policy;
  /** Its clock is ahead of the truth by so much. */
  readonly skewMs: number;
}

export interface Install {
  readonly facts: InstallFacts;
  /** What runs and answers well, as `core/app@1.1.0`; null while the machine is down. */
  healthy(): readonly string[] | null;
  /** Nobody reaches it, and it reaches nobody. */
  isSilent(): boolean;
  /** Null while it can be reached, and was heard since it could not be. */
  silentSince(): EpochMs | null;
  cutNetwork(): void;
  /** It asks again some time later, as whoever found nobody there. */
  restoreNetwork(): void;
  losePower(forMs: number): void;
  /** Something was published. */
  news(): void;
  readonly disk: MemoryDisk;
}

export interface SimulatedServer {
  /** What this install is given when it asks. */
  shownTo(install: string): Catalog;
  publish(change: (catalog: Catalog) => Catalog): void;
  /** A report is on the server's disk. */
  hear(install: string, report: Report): void;
  /** When the newest timestamp that this install can see was signed, at the latest. */
  signedFor(install: string): EpochMs;
  /**
   * From here on these installs are shown what there is now, whatever is published: by somebody on the line, or by whoever
   * has the server's own keys and goes on signing timestamps for it.
   */
  freezeFor(installs: readonly Install[], by: 'line' | 'server'): void;
  /** When it halted a release for the first time; null where it never did. */
  haltedAt(release: SimulatedRelease): EpochMs | null;
}
