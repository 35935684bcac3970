// What the audit log says of deployments: derived from their records, each act exactly once, whatever was killed when.
import { createTurns } from '../../../shared/node/turns.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import type { AuditEvent } from '../../core/audit-chain.ts';
import type { AuditLog } from '../../ports/audit-log.ts';

export interface DeploymentActs {
  /** To be called at every state a deployment enters, and for every record at the start. Never throws. */
  note(record: DeploymentRecord): Promise<void>;
}

/** `append` reports its own failures and answers whether the act is in the log; what is not is told at the next note. */
export function createDeploymentActs(
  audit: Pick<AuditLog, 'entries'>,
  append: (event: AuditEvent) => Promise<boolean>,
): DeploymentActs {
  const inTurn = createTurns();
  let known: Set<string> | null = null;

  // A log that cannot be read cannot be continued either: nothing is told twice for it.
  async function told(): Promise<Set<string>> {
    if (known !== null) return known;
    const entries = await audit.entries().catch(() => null);
    const acts = new Set((entries ?? []).map((entry) => actKey(entry)));
    if (entries !== null) known = acts;
    return acts;
  }

  return {
    note: (record) =>
      inTurn(async () => {
        const before = await told();
        for (const act of actsOf(record)) {
          if (before.has(actKey(act))) continue;
          const isTold = await append(act);
          if (isTold) before.add(actKey(act));
          // A line may be on the disk though its writing was reported as failed: the log is asked again.
          else known = null;
        }
      }),
  };
}

/** Everything that the record proves to have happened, in its order. */
function actsOf(record: DeploymentRecord): readonly AuditEvent[] {
  const { id, actor, plan, reason, state, failure } = record;
  const started: AuditEvent = {
    event: 'deployment-started',
    actor,
    details: { change: id, plan, reason: reason.kind },
  };
  if (!isFinal(state)) return [started];
  const details = { change: id, state, failure: failure?.code ?? null };
  return [started, { event: 'deployment-ended', actor, details }];
}

function actKey({ event, details }: Pick<AuditEvent, 'event' | 'details'>): string {
  return `${event} ${details.change}`;
}
