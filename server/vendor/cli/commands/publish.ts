// `publish`: sends the server what it lacks, after --no-publish or when it was away.

import type { Session } from '../../workspace/session.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import type { CommandSpec } from '../command.ts';
import { conclude } from '../conclude.ts';

export const PUBLISH: CommandSpec = {
  usage: 'publish',
  summary: 'send the server what it lacks of the signed repository',
  example: 'publish',
  kind: 'writes',
  run: async (session: Session) => {
    await openWorkspace(session.directory);
    const { lines, document } = await conclude({ ...session, publish: true }, []);
    session.out.result('publish', lines, document);
  },
};
