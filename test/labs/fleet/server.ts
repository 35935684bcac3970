// The simulated server: shows what was signed, hears what installs report, and judges rollouts by the server's own rules.
import { type FleetCounts, isSurroundings } from '../../../shared/change/change.ts';
import { judgeRollout, toleranceOf } from '../../../shared/change/judge.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import type { Time } from './time.ts';
import { haltOf, type SimulatedRelease } from './vendor.ts';

export interface SimulatedServer {
  /** What this install is given when it asks. */
  shownTo(install: string): Catalog;
  publish(change: (catalog: Catalog) => Catalog): void;
  /** A report is on the server's disk. */
  hear(install: string, record: DeploymentRecord): void;
  /** When it halted a release for the first time; null where it never did. */
  haltedAt(release: SimulatedRelease): EpochMs | null;
}

export interface ServerOptions {
  readonly time: Time;
  /** Nobody judges where it is off. */
  readonly isGuarded: boolean;
  readonly first: Catalog;
  readonly onPublished: () => void;
}

type Outcome = keyof Pick<FleetCounts, 'committed' | 'rolledBack' | 'inProgress' | 'failed'>;
type Reported = Pick<DeploymentRecord, 'state' | 'failure'>;

/** As `change open` fixes it where nobody says another. */
const TOLERANCE = toleranceOf({});
const JUDGED_EVERY_MS = 60_000;

export function createServer({ time, isGuarded, first, onPublished }: ServerOptions): SimulatedServer {
  let catalog = first;
  /** By change and install: the newest. */
  const reports = new Map<string, Map<string, Reported>>();
  const news = new Set<string>();
  const halted = new Map<string, EpochMs>();

  function publish(change: (catalog: Catalog) => Catalog): void {
    catalog = change(catalog);
    onPublished();
  }

  function judge(): void {
    for (const release of releasesOf(catalog)) {
      const { id } = release.document.change;
      if (halted.has(release.digest) || !news.delete(id)) continue;
      const judged = judgeRollout(TOLERANCE, { counts: countsOf(reports.get(id)), silence: null });
      if (judged.kind === 'goes-on') continue;
      halted.set(release.digest, time.now());
      const reason = judged.findings.map(({ text }) => text).join('; ');
      publish((known) => ({ ...known, halts: [...known.halts, haltOf(release, time.now(), reason)] }));
    }
    time.at(time.now() + JUDGED_EVERY_MS, judge);
  }

  if (isGuarded) time.at(time.now() + JUDGED_EVERY_MS, judge);
  return {
    shownTo: () => catalog,
    publish,
    hear(install, record) {
      for (const { change } of record.steps) {
        if (change === null) continue;
        const known = reports.get(change) ?? new Map<string, Reported>();
        reports.set(change, known.set(install, record));
        if (isFinal(record.state)) news.add(change);
      }
    },
    haltedAt: ({ digest }) => halted.get(digest) ?? null,
  };
}

function releasesOf({ releases }: Catalog): readonly SimulatedRelease[] {
  return releases.filter((one): one is SimulatedRelease => one.document.schema === 'fairlead/capability@1');
}

/** As the server's database counts them. */
function countsOf(reports: ReadonlyMap<string, Reported> = new Map()): FleetCounts {
  const counts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0, environment: 0 };
  for (const { state, failure } of reports.values()) {
    const outcome = outcomeOf(state);
    counts[outcome] += 1;
    const isExcused = failure !== null && isSurroundings(failure.code);
    if ((outcome === 'rolledBack' || outcome === 'failed') && isExcused) counts.environment += 1;
  }
  return counts;
}

function outcomeOf(state: DeploymentRecord['state']): Outcome {
  if (state === 'committed') return 'committed';
  if (state === 'rolled-back') return 'rolledBack';
  return isFinal(state) ? 'failed' : 'inProgress';
}
