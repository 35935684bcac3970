// What compile takes and gives: the instance as it is, and deployments as they should be.
import type { EpochMs } from '../encoding/instant.ts';
import type { DocumentIssue } from '../errors/document.ts';
import type { Classes, ClassFacts, FactName, SaidFact } from '../schema/classes.ts';
import type { ComponentKey } from '../schema/common.ts';
import type { DeploymentManifest } from '../schema/deployment.ts';
import type { InstanceConfig } from '../schema/instance.ts';
import type { Pin } from '../schema/pin.ts';
import type { FixesFrom } from '../schema/policy.ts';
import type { CapabilityRelease, Verified } from '../schema/release.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import type { Version } from '../version/version.ts';
import type { Catalog } from './releases.ts';

/** A deployment manifest with the verified release behind every component. */
export interface Target {
  readonly manifest: DeploymentManifest;
  /** By component. */
  readonly releases: ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;
  readonly config: InstanceConfig;
}

/** What neither the configuration nor the catalog says of an install. */
export interface KnownFacts extends Pick<ClassFacts, 'os' | 'arch' | SaidFact> {
  /** What may run services here; absent where every driver may. */
  readonly drivers?: readonly string[] | undefined;
}

export interface CompileInput {
  /** Instance id: places the install in a rollout's waves. */
  readonly instance: string;
  readonly now: EpochMs;
  readonly config: InstanceConfig;
  readonly catalog: Catalog;
  readonly pins: readonly Pin[];
  /** What runs, the current generation; null on an empty instance. */
  readonly current: Target | null;
  /** Digests of release manifests that failed here. */
  readonly quarantined: ReadonlySet<string>;
  /** From which severity on the policy lets fixes in by themselves; `critical`, which orders force, where it is absent. */
  readonly fixesFrom?: FixesFrom;
  /** What this install knows of itself, for the classes of rollouts and halts; absent where nothing is known. */
  readonly facts?: KnownFacts;
}

export type CompileResult =
  | {
      readonly kind: 'compiled';
      /** May equal what runs: ask planBetween. */
      readonly target: Target;
      readonly pins: readonly PinReport[];
      /** Newer releases of the track that this instance would take, and why it may not yet. */
      readonly withheld: readonly Withheld[];
      /** Parts without a pin of their own that the pins keep below what they could be; null when there are none. */
      readonly heldBack: PinConflict | null;
      /** Parts that a pin of their own, or of their suite or platform, keeps below what they could be. */
      readonly newer: readonly KeptBack[];
      /** What is wrong with the instance's settings for the target's releases. */
      readonly misconfigured: readonly SettingIssue[];
    }
  | {
      /** Nothing satisfies configuration, requirements and pins together: what runs stays. */
      readonly kind: 'conflict';
      /** One sentence each. */
      readonly problems: readonly string[];
      readonly pins: readonly PinReport[];
      /** Null when lifting pins does not help. */
      readonly lift: PinConflict | null;
    };

export interface PinReport {
  readonly pin: Pin;
  /** `overridden`: a critical advisory forces another version. `unmatched`: it names nothing that was released. */
  readonly state: 'active' | 'expired' | 'overridden' | 'unmatched';
  /** The advisories that override it. */
  readonly by: readonly string[];
  /** Why it is in vain, where it is. */
  readonly problem?: string;
}

export interface PinConflict {
  /** Pins whose removal helps, none of them in vain. */
  readonly lift: readonly Pin[];
  /** No smaller set would do; false where there are too many sets to try them. */
  readonly isSmallest: boolean;
  /** What would then change: each component with the version it has in the target and the one it would reach. */
  readonly gains: readonly {
    readonly component: ComponentName;
    readonly from: Version | null;
    readonly to: Version;
  }[];
}

export interface KeptBack {
  readonly component: ComponentName;
  readonly from: Version | null;
  readonly to: Version;
  /** Whose word keeps it. */
  readonly pin: Pin;
}

export interface Withheld {
  readonly component: ComponentName;
  readonly version: Version;
  readonly release: string;
  readonly why:
    | {
        readonly kind: 'wave';
        readonly at: EpochMs;
        /** The other one on which a fix is tried first; absent for a rollout of this install's own. */
        readonly track?: string;
      }
    | {
        readonly kind: 'class';
        /** Whom the rollout is for. */
        readonly classes: Classes;
        /** The facts that would have to be known to tell; empty where it is known that this install is not meant. */
        readonly unknown: readonly FactName[];
        /** What this install knows of what is asked, in words. */
        readonly here: string;
      }
    | { readonly kind: 'paused'; readonly track?: string }
    | { readonly kind: 'halted'; readonly reason: string; readonly until: EpochMs }
    | { readonly kind: 'quarantined' };
}

/** One setting that a release does not take as it is. */
export interface SettingIssue extends DocumentIssue {
  /** `suite/capability`. */
  readonly component: string;
  readonly key: string;
  /** `surplus`: the release has no such setting. */
  readonly fault: 'value' | 'surplus';
}

/** One setting, by name: its value may be a secret. */
export interface NamedSetting {
  readonly component: ComponentKey;
  readonly key: string;
}

export interface FixResult {
  /** What runs with the affected components moved as little as possible; null when nothing can or need be moved. */
  readonly target: Target | null;
  /** The advisories the target answers. */
  readonly advisories: readonly string[];
  /** Advisories to be closed that stay open even with the target. */
  readonly unfixable: readonly Unfixable[];
  /** What moves though no advisory affects it, and why it has to. */
  readonly beside: readonly Beside[];
  /** Pins the target does not respect. */
  readonly overridden: readonly Pin[];
  /** What is wrong with the instance's settings for the target's releases. */
  readonly misconfigured: readonly SettingIssue[];
  /** What of the configuration on disk comes into force with it, for a fix that could not run otherwise. */
  readonly adopted: readonly NamedSetting[];
  /** When the first of its orders reaches this install; absent where one has. */
  readonly waits?: EpochMs;
}

export interface Beside {
  /** `platform`, a suite, or `suite/capability`. */
  readonly component: ComponentName;
  /** Null where it comes anew. */
  readonly from: Version | null;
  readonly to: Version;
  /** `core/auth 1.0.1 requires core/api ^2.1.0`. */
  readonly because: string;
}

export interface Unfixable {
  readonly advisory: string;
  readonly component: ComponentKey;
  readonly version: Version;
  readonly reason:
    | 'no-fix'
    | 'affected'
    | 'not-released'
    | 'quarantined'
    | 'halted'
    | 'withdrawn'
    | 'constraints'
    | 'misconfigured'
    | 'pinned'
    | 'withheld'
    | 'unoffered';
  /** The pins that keep the fix away, where they do. */
  readonly pins?: readonly Pin[];
  /** What a rollout keeps back, where one does: the nearest fix, or what that needs beside it. */
  readonly withheld?: Withheld;
  /** What the fix needs beside it and no rollout brings here, where that keeps it away. */
  readonly needs?: { readonly component: ComponentName; readonly version: Version };
}
