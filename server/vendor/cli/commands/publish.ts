// `publish`: sends the server what it lacks, after --no-publish or when it was away.

import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import { conclude } from '../conclude.ts';

export async function publish(session: Session): Promise<void> {
  await openWorkspace(session.directory);
  const { lines, document } = await conclude({ ...session, publish: true }, []);
  session.out.result('publish', lines, document);
}
