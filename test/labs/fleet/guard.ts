// The simulated server's guard: what it knows of a rollout from reports, in the form in which the product's judge wants it.
import { type FleetCounts, isSurroundings } from '../../../shared/change/change.ts';
import {
  type ClassFare,
  type Comparison,
  type Fare,
  type Judgement,
  judgeRollout,
  toleranceOf,
} from '../../../shared/change/judge.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';

/** An install as the server knows it. */
export interface Known {
  readonly id: string;
  /** Such as `os=debian:12`, by each fact that it reports. */
  readonly classes: readonly string[];
  /** When it was heard last. */
  readonly heardAt: EpochMs;
  /** When it was offered what is judged; null where it was not yet. */
  readonly offeredAt: EpochMs | null;
}

export interface Reported extends Pick<DeploymentRecord, 'state' | 'failure'> {
  /** When it was heard of first. */
  readonly since: EpochMs;
  /** After its commit it became unhealthy, or was gone back from. */
  readonly isDegraded?: boolean;
}

export interface Evidence {
  readonly installs: readonly Known[];
  /** By install: its newest deployment of what is judged. */
  readonly reports: ReadonlyMap<string, Reported>;
  readonly now: EpochMs;
}

/** As `change open` fixes it where nobody says another. */
const TOLERANCE = toleranceOf({});
/** Far beyond what such deployments take. */
const OVERDUE_MS = 2 * 3_600_000;
/** Three heartbeats. */
const SILENT_MS = 45 * 60_000;

export function judge(evidence: Evidence): Judgement {
  const names = new Set(evidence.installs.flatMap(({ classes }) => classes));
  const classes: ClassFare[] = [...names].map((name) => {
    const installs = evidence.installs.filter((one) => one.classes.includes(name));
    return { name, ...fareOf({ ...evidence, installs }) };
  });
  return judgeRollout(TOLERANCE, fareOf(evidence), classes);
}

function fareOf(evidence: Evidence): Fare {
  return { counts: countsOf(evidence), silence: silenceIn(evidence) };
}

/** As the server's database counts them. */
function countsOf({ installs, reports, now }: Evidence): FleetCounts {
  const counts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
  const [environment, overdue, degraded] = [{ n: 0 }, { n: 0 }, { n: 0 }];
  for (const { id } of installs) {
    const report = reports.get(id);
    if (report === undefined) continue;
    const outcome = outcomeOf(report.state);
    counts[outcome] += 1;
    const isFailed = outcome === 'rolledBack' || outcome === 'failed';
    if (isFailed && report.failure !== null && isSurroundings(report.failure.code)) environment.n += 1;
    if (outcome === 'inProgress' && now - report.since > OVERDUE_MS) overdue.n += 1;
    if (report.isDegraded === true) degraded.n += 1;
  }
  return { ...counts, environment: environment.n, overdue: overdue.n, degraded: degraded.n };
}

function silenceIn({ installs, now }: Evidence): Comparison {
  const kinds = { offered: { all: 0, silent: 0 }, others: { all: 0, silent: 0 } };
  for (const { heardAt, offeredAt } of installs) {
    const kind = offeredAt !== null && offeredAt <= now ? kinds.offered : kinds.others;
    kind.all += 1;
    if (now - heardAt > SILENT_MS) kind.silent += 1;
  }
  return kinds;
}

function outcomeOf(state: DeploymentRecord['state']): 'committed' | 'rolledBack' | 'inProgress' | 'failed' {
  if (state === 'committed') return 'committed';
  if (state === 'rolled-back') return 'rolledBack';
  return isFinal(state) ? 'failed' : 'inProgress';
}
