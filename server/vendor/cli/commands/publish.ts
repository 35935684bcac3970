// `publish`: sends the server what it lacks, after --no-publish or when it was away.

import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import type { PatchOptions } from '../command.ts';
import { conclude } from '../conclude.ts';

export async function publish(
  session: Session,
  { patches: most, small = false }: PatchOptions,
): Promise<void> {
  await openWorkspace(session.directory);
  const patches = { most, small, newest: true };
  const { lines, document } = await conclude({ ...session, publish: true, patches }, []);
  session.out.result('publish', lines, document);
}
