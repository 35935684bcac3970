// What came of an offer at one install, and what keeps it from those at which nothing began.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { ClassFacts } from '../../shared/schema/classes.ts';
import type { DeploymentState } from '../../shared/schema/deployment.ts';
import { type Outcome, QUIET_MS, type Surveyed } from './survey.ts';

/** Of its newest deployment of the offer. */
export interface EndedRow {
  readonly record: number;
  readonly state: DeploymentState;
  /** When it was first told of. */
  readonly heard: string;
  readonly ill_before: string | null;
}

export interface KeptRow {
  readonly standing: string | null;
  readonly moved_to: string | null;
  readonly last_seen: string | null;
  readonly channel: string | null;
}

/** What is known of one install. */
interface InstallRow extends KeptRow {
  readonly id: string;
  readonly facts: ClassFacts;
  /** Which of its components are unhealthy, as one text of JSON; null where none is. */
  readonly ill: string | null;
  /** Undefined where none began. */
  readonly deployment: EndedRow | undefined;
  /** Whether its end was the machine's doing. */
  readonly byMachine: boolean;
  /** Whether it runs what came with the offer. */
  readonly runs: boolean;
  /** Its newest record of a rollback; 0 where there is none. */
  readonly left: number;
  /** What its agent says keeps it. */
  readonly said: readonly string[];
}

/** What is asked of every install. */
export interface Asked {
  readonly now: EpochMs;
  /** How long a deployment may take. */
  readonly allowanceMs: number;
  readonly members: readonly { readonly component: string }[];
  reaches(instance: string, facts: ClassFacts): EpochMs;
}

export function surveyedOf(row: InstallRow, { now, allowanceMs, members, reaches }: Asked): Surveyed {
  const { facts, deployment, runs, left, ill } = row;
  const offeredAt = reaches(row.id, facts);
  const lastSeen = row.last_seen === null ? null : Date.parse(row.last_seen);
  const isHeard = lastSeen !== null && lastSeen >= now - QUIET_MS;
  const context = { now, allowanceMs, ill, runs, left, isHeard };
  const outcome = deployment === undefined ? null : outcomeOf(deployment, context, members);
  return {
    ...{ facts, lastSeen, offeredAt, outcome, byMachine: row.byMachine },
    omitted: outcome !== null || runs ? null : reasonOf(row, offeredAt, now, row.said),
  };
}

/** What runs was touched, and its time is the release's; a download takes what the network takes. */
const TOUCHED: ReadonlySet<DeploymentState> = new Set([
  ...(['stopping', 'switching', 'starting', 'verifying', 'soaking', 'rolling-back'] as const),
]);

interface OutcomeContext
  extends Pick<InstallRow, 'runs' | 'left' | 'ill'>,
    Pick<Asked, 'now' | 'allowanceMs'> {
  /** Who is silent has perhaps ended long ago. */
  readonly isHeard: boolean;
}

function outcomeOf(row: EndedRow, context: OutcomeContext, members: Asked['members']): Outcome {
  switch (row.state) {
    case 'committed': {
      const isIll = members.some(({ component }) => {
        const name = JSON.stringify(component);
        return context.ill?.includes(name) === true && row.ill_before?.includes(name) !== true;
      });
      const hasLeft = !context.runs && context.left > Number(row.record);
      return hasLeft || (context.runs && isIll) ? 'degraded' : 'committed';
    }
    case 'rolled-back':
      return 'rolledBack';
    case 'abandoned':
    case 'inconsistent':
      return 'failed';
    default: {
      const isLong = context.now - Date.parse(row.heard) > context.allowanceMs;
      return context.isHeard && isLong && TOUCHED.has(row.state) ? 'overdue' : 'inProgress';
    }
  }
}

/** Weightiest first: what the server itself sees, then what its agent said of it. */
function reasonOf(
  { standing, moved_to, last_seen, channel }: KeptRow,
  offeredAt: EpochMs,
  now: EpochMs,
  said: readonly string[],
): string {
  if (standing !== null) return standing;
  if (moved_to !== null) return 'moved';
  if (last_seen === null) return 'never-reported';
  if (offeredAt === Number.POSITIVE_INFINITY) return 'not-in-class';
  if (offeredAt > now) return 'wave-to-come';
  if (Date.parse(last_seen) < now - QUIET_MS) return 'silent';
  const code = said.find((one) => one !== 'rollout-wave');
  if (code !== undefined) return code;
  return channel === 'frozen' ? 'channel-frozen' : 'not-yet';
}
