// `proposals`: what was proposed to installs, and what became of it.
import { formatTable } from '../../../../shared/present/table.ts';
import type { ProposalModel, ProposalStatus } from '../../../../shared/protocol/fleet-proposals.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { readProposals } from '../fleet.ts';

export interface ProposalsOptions {
  /** Its id or name. */
  readonly instance?: string;
  readonly status?: ProposalStatus;
}

export async function proposals(session: Session, options: ProposalsOptions): Promise<void> {
  const found = await readProposals(session, options);
  const rows = found.map((one) => [
    one.created_at,
    one.instance_name,
    one.status,
    one.asks,
    answerTo(one),
    one.id,
  ]);
  session.out.result(
    'proposals',
    rows.length === 0
      ? ['proposals: none']
      : formatTable([['Made', 'Install', 'Status', 'Asks', 'Answer', 'Id'], ...rows]),
    { proposals: found },
  );
}

function answerTo({ answer }: ProposalModel): string {
  if (answer === null) return '-';
  return answer.change === null ? `${answer.by}: ${answer.text}` : `${answer.by}: change ${answer.change}`;
}
