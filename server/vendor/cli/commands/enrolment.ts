// `enrolment create`: the one string a new install needs, with the root it shall trust as this workspace knows it.
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { formatEnrolment } from '../../../../shared/protocol/enrolment.ts';
import { enrolmentReply, enrolmentRequest } from '../../../../shared/protocol/publication.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { auditAct } from '../../workspace/audit.ts';
import { requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/session.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';
import { withServer } from '../server-client.ts';

export const ENROLMENT_COMMANDS: readonly CommandSpec[] = [
  {
    usage: 'create',
    summary: 'a single-use enrolment string for one new install',
    example: 'enrolment create --name "Example Ltd, Oslo"',
    kind: 'writes',
    options: [
      { flags: '--name <text>', about: 'the install, as the fleet list shall show it', required: true },
    ],
    run: create,
  },
];

async function create(session: Session, input: Input): Promise<void> {
  const { config } = await openWorkspace(session.directory);
  const request = parseDocument(enrolmentRequest, { name: input.text('name') }, 'the enrolment');
  const root = await requireNewest(session.directory, 'root');
  await auditAct(session, 'enrolment create', request.name, { root: String(root.version) });
  const { code, name, expires } = await withServer(config, (server) =>
    server.post('/api/v1/enrolments', request, enrolmentReply),
  );
  // The digest is of the local root: a server that serves another one gains no install's trust.
  const string = formatEnrolment({
    server: config.server,
    code,
    root: { version: root.version, digest: digestOf(root.bytes) },
  });
  const lines = [string, `for ${name}, once, until ${expires}; next: fairlead agent enroll -`];
  session.out.result('enrolment-create', lines, { enrolment: string, name, expires });
}
