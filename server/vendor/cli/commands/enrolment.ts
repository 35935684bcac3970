// `enrolment create`: the one string a new install needs, with the root it shall trust as this workspace knows it.
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { formatEnrolment } from '../../../../shared/protocol/enrolment.ts';
import { enrolmentReply } from '../../../../shared/protocol/publication.ts';
import { auditAct } from '../../workspace/audit.ts';
import { requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import { withServer } from '../server-client.ts';

export async function create(session: Session, request: { readonly name: string }): Promise<void> {
  const { config } = await openWorkspace(session.directory);
  const root = await requireNewest(session.directory, 'root');
  await auditAct(session, 'enrolment create', request.name, { root: String(root.version) });
  const { code, name, expires } = await withServer(
    config,
    (server) => server.post('/api/v1/enrolments', { name: request.name }, enrolmentReply),
    session.out,
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
