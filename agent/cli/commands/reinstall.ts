// fairlead agent reinstall: what an upgrade of the file of this program does with the service that is made of it.

import { createAdminClient } from '../../adapters/admin/admin-client.ts';
import { installedStateDir } from '../../adapters/machine/agent-service.ts';
import { AGENT_UNIT } from '../../adapters/machine/agent-unit.ts';
import { type CliContext, show } from '../context.ts';
import { install } from './install.ts';

/** With the state and the drivers that the unit names, wherever the one who types this keeps theirs. Errors: as of install. */
export async function reinstall(context: CliContext): Promise<number> {
  const stateDir = await installedStateDir();
  if (stateDir !== null) {
    return await install({ ...context, stateDir, client: createAdminClient(stateDir) }, {});
  }
  show(context, { schema: 'fairlead/agent-installed@1', unit: AGENT_UNIT, changed: [] }, () => [
    'fairlead agent install made no service of this machine, so there is nothing to install again',
  ]);
  return 0;
}
