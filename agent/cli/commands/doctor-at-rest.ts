// fairlead doctor where no agent runs: what keeps it from running, and whether it would reach its server if it did.
import { join } from 'node:path';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { readIfPresent, readTextIfPresent } from '../../../shared/node/read-file.ts';
import { isManaged, UNIT_DIRECTORY } from '../../../shared/node/service/manager.ts';
import { verifyInitialRoot } from '../../../shared/trust/rules.ts';
import { ownService } from '../../adapters/machine/agent-service.ts';
import { AGENT_UNIT, driversIn, renderAgentUnit, startCommand } from '../../adapters/machine/agent-unit.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { readNetwork } from '../../adapters/server/network.ts';
import { surveyServer } from '../../adapters/server/survey.ts';
import { ROOT_FILE } from '../../core/repository-names.ts';
import { type Finding, machineFindings } from './doctor-machine.ts';
import { rootFound, wayFindings } from './doctor-ways.ts';

/** Nothing is written. Error: enrolment/missing. */
export async function lookWithoutAgent(
  stateDir: string,
  now: number,
  unitDirectory = UNIT_DIRECTORY,
  isExecutable?: boolean,
): Promise<readonly Finding[]> {
  const enrolment = await readEnrolment(stateDir);
  if (enrolment === null) throw new FairleadError('enrolment/missing', { stateDir });
  return [
    { check: 'the agent answers', problem: 'it is not running', remedy: startCommand(stateDir) },
    await unitFinding(stateDir, join(unitDirectory, AGENT_UNIT), isExecutable),
    ...(await machineFindings(stateDir, unitDirectory === UNIT_DIRECTORY && isManaged())),
    await rootFinding(stateDir, now),
    ...wayFindings(await surveyServer(enrolment.server, await readNetwork(stateDir, process.env)), now),
  ];
}

/** An older program wrote it, or somebody edited it in place: what was added by a drop-in is left alone. */
async function unitFinding(stateDir: string, path: string, isExecutable?: boolean): Promise<Finding> {
  const finding = { check: 'the unit is what this program writes', remedy: 'fairlead agent install' };
  const unit = await readTextIfPresent(path);
  if (unit === null) return { ...finding, problem: 'there is none' };
  const isSame = unit === renderAgentUnit(ownService(stateDir, driversIn(unit), isExecutable));
  return { ...finding, problem: isSame ? null : `${path} says something else` };
}

/** What the disk holds of it, without the agent's own look, which tidies. */
async function rootFinding(stateDir: string, now: number): Promise<Finding> {
  const remedy = 'fairlead agent run';
  const bytes = await readIfPresent(join(stateDir, 'trust', ROOT_FILE)).catch(() => null);
  if (bytes === null) return rootFound(null, now);
  try {
    return rootFound(verifyInitialRoot(bytes), now);
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return { ...rootFound(null, now), problem: error.message, remedy };
  }
}
