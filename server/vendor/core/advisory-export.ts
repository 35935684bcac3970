// What both formats of an exported advisory are made of: its revisions by the audit, and where each released version stands.
import { isAffected } from '../../../shared/compile/exposure.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { AdvisoryDetails } from '../../../shared/schema/advisory-details.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Interval } from '../../../shared/version/intervals.ts';
import { intervalsOf } from '../../../shared/version/intervals.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';
import type { PackageName } from './osv-packages.ts';

export interface ExportInput {
  readonly advisory: Advisory;
  /** Nothing beyond the advisory where it is empty. */
  readonly details: Omit<AdvisoryDetails, 'schema' | 'advisory'>;
  /** Whether the hole is in use, whoever says so. */
  readonly exploited: boolean;
  /** Oldest first; at least one. */
  readonly revisions: readonly Revision[];
  readonly packages: readonly PackageName[];
  /** Of a component, in any order. */
  readonly released: (component: ComponentKey) => readonly Version[];
}

export interface Revision {
  readonly at: string;
  readonly kind: 'published' | 'changed' | 'withdrawn';
}

/** What the audit of a workspace holds of an act, as far as revisions ask. */
export interface AuditedAct {
  readonly at: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, string>>;
}

const PUBLISHING = new Set(['advisory publish', 'advisory import']);
const WITHDRAWING = 'advisory withdraw';

/** `newest` is the version of the metadata that is out: what waits for signatures is no revision, nor what was given up. */
export function revisionsOf(
  acts: readonly AuditedAct[],
  { id, published, withdrawn }: Advisory,
  newest: number,
): readonly Revision[] {
  const mine = acts.filter(
    ({ action, subject }) => subject === id && (PUBLISHING.has(action) || action === WITHDRAWING),
  );
  // Of two acts under one version of the metadata the first was given up.
  const byVersion = new Map(mine.map((act) => [Number(act.details.version), act]));
  const out = [...byVersion].filter(([version]) => version <= newest).map(([, act]) => act);
  if (out.length === 0) return [{ at: published, kind: 'published' }];
  const isTakenBack = (i: number, action: string) =>
    action === WITHDRAWING || (withdrawn && i === out.length - 1);
  return out.map(({ action }, i) => ({
    // A clock that was set back puts no revision before one that it follows.
    at: newestOf(out.slice(0, i + 1)),
    kind: isTakenBack(i, action) ? 'withdrawn' : i === 0 ? 'published' : 'changed',
  }));
}

export interface Standing {
  readonly component: ComponentKey;
  readonly intervals: readonly Interval[];
  /** Released versions, lowest first. */
  readonly affected: readonly Version[];
  /** As the advisory names them. */
  readonly fixed: readonly Version[];
  /** Released, and neither. */
  readonly others: readonly Version[];
}

/** Each component that it names, in its order. */
export function standingsOf({ advisory, released }: ExportInput): readonly Standing[] {
  const components = new Set(advisory.affected.map(({ component }) => component));
  return [...components].map((component) => {
    const fixed = advisory.fixed.filter((fix) => fix.component === component).map(({ version }) => version);
    const versions = [...new Set(released(component))].toSorted(compareVersions);
    return {
      component,
      intervals: advisory.affected
        .filter((entry) => entry.component === component)
        .flatMap((entry) => intervalsOf(entry.versions)),
      affected: versions.filter((version) => isAffected(advisory, component, version)),
      fixed: [...new Set(fixed)].toSorted(compareVersions),
      others: versions.filter(
        (version) => !isAffected(advisory, component, version) && !fixed.includes(version),
      ),
    };
  });
}

export function newestOf(revisions: readonly Pick<Revision, 'at'>[]): string {
  return revisions.reduce((newest, { at }) => (at > newest ? at : newest), '');
}
