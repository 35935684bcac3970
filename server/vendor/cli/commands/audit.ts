// `audit verify`: the log's chain, held against its own checkpoint and, when given, one that was kept elsewhere.
import { FairleadError } from '../../../../shared/errors/error.ts';
import { count } from '../../../../shared/present/count.ts';
import {
  type AuditHead,
  EMPTY_AUDIT,
  formatCheckpoint,
  parseCheckpoint,
} from '../../../../shared/schema/audit-head.ts';
import { verifyAudit } from '../../workspace/audit.ts';
import type { Session } from '../../workspace/session.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';

export const AUDIT_COMMANDS: readonly CommandSpec[] = [
  {
    usage: 'verify',
    summary: 'the log of every act here: its chain, its end, and a checkpoint to keep elsewhere',
    example:
      'audit verify --checkpoint 12:sha256:9f1c2ab5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081',
    kind: 'reads',
    options: [
      {
        flags: '--checkpoint <checkpoint>',
        about: 'one that an earlier run printed; the log must still hold it',
      },
    ],
    run: verify,
  },
];

async function verify(session: Session, input: Input): Promise<void> {
  const { directory } = await openWorkspace(session.directory);
  const { entries, head } = await verifyAudit(directory, readCheckpoint(input.optional('checkpoint')));
  const checkpoint = formatCheckpoint(head);
  const [first, last] = [entries[0]?.at ?? null, entries.at(-1)?.at ?? null];
  const span = first === null || last === null ? '' : `, from ${first} to ${last}`;
  const lines = [
    `${count(entries.length, 'act')}${span}: the chain holds`,
    `checkpoint ${checkpoint}; keep it elsewhere: who has this directory can write both files anew`,
  ];
  session.out.result('audit-verify', lines, { acts: entries.length, first, last, checkpoint });
}

/** Error: vendor/option-invalid. */
function readCheckpoint(text: string | undefined): AuditHead {
  if (text === undefined) return EMPTY_AUDIT;
  const parsed = parseCheckpoint(text);
  if (parsed !== null) return parsed;
  const form = 'the checkpoint as an earlier run printed it, such as 12:sha256:…';
  throw new FairleadError('vendor/option-invalid', { option: '--checkpoint', value: text, form });
}
