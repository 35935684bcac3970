// What came of an offer at one install, and what keeps it from those at which nothing began.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { DeploymentState } from '../../shared/schema/deployment.ts';
import { type Outcome, QUIET_MS } from './survey.ts';

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

/** What runs was touched, and its time is the release's; a download takes what the network takes. */
const TOUCHED: ReadonlySet<DeploymentState> = new Set([
  ...(['stopping', 'switching', 'starting', 'verifying', 'soaking', 'rolling-back'] as const),
]);

export interface OutcomeContext {
  readonly now: EpochMs;
  readonly allowanceMs: number;
  /** Who is silent has perhaps ended long ago. */
  readonly isHeard: boolean;
  /** Whether it runs what came with the offer. */
  readonly runs: boolean;
  /** Its newest record of a rollback. */
  readonly left: number;
  readonly ill: string | null;
}

export function outcomeOf(
  row: EndedRow,
  context: OutcomeContext,
  members: readonly { readonly component: string }[],
): Outcome {
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
export function reasonOf(
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
