// fairlead agent uninstall: the service goes, unless a deployment needs it to come to its end.
import { resolve } from 'node:path';
import { z } from 'zod';
import { shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { verifyMachine } from '../../../shared/node/service/manager.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import { createAdminClient } from '../../adapters/admin/admin-client.ts';
import {
  installedStateDir,
  isAgentWanted,
  startAgent,
  stopAgent,
  uninstallAgent,
  uninstallSteps,
} from '../../adapters/machine/agent-service.ts';
import { slotsDirectoryOf } from '../../adapters/machine/agent-slots.ts';
import { AGENT_UNIT } from '../../adapters/machine/agent-unit.ts';
import { isInSlots, keepsPorts } from '../../adapters/machine/install-slot.ts';
import { ADMIN_GROUP } from '../../adapters/state/state-directory.ts';
import { isUntouched } from '../../core/deploy/states.ts';
import { type CliContext, show } from '../context.ts';
import { dryRun, stepsShown, storeOf } from './install.ts';

export const uninstallAnswer = z.strictObject({
  schema: z.literal('fairlead/agent-uninstalled@1'),
  unit: z.string(),
  /** What is left on the machine, on purpose. */
  stays: z.array(z.string()).optional(),
  /** A change that no agent was there to finish: what it stopped may not run. */
  unfinished: z.int().optional(),
  /** With --dry-run: what would be done, in this order. */
  wouldDo: stepsShown.optional(),
});

export interface UninstallOptions {
  readonly dryRun?: boolean;
}

/** Of the state directory that the unit names, wherever the one who types this keeps theirs. Errors: service/*, disk/*. */
export async function uninstall(given: CliContext, options: UninstallOptions): Promise<number> {
  const installed = await installedStateDir();
  const stateDir = installed ?? resolve(given.stateDir);
  const context = installed === null ? given : { ...given, stateDir, client: createAdminClient(stateDir) };
  if (options.dryRun === true)
    return dryRun(context, 'fairlead/agent-uninstalled@1', uninstallSteps(stateDir));
  verifyMachine('kill the program');
  const staysForPorts = isInSlots(stateDir) && keepsPorts(stateDir);
  const unfinished = await endOrRefuse(context);
  await uninstallAgent(stateDir);
  const stays = [stateDir, `group ${ADMIN_GROUP}`];
  const reply = { schema: 'fairlead/agent-uninstalled@1', unit: AGENT_UNIT, stays };
  show(context, { ...reply, ...(unfinished === null ? {} : { unfinished: unfinished.id }) }, () => [
    ...(unfinished === null
      ? [`${AGENT_UNIT} is removed; the services it started go on`]
      : describeUnfinished(unfinished)),
    `its state in ${stateDir}, their data in it, stays: what removes it for good is rm -r ${shellWord(stateDir)}`,
    ...(staysForPorts
      ? [`the executable in ${slotsDirectoryOf(stateDir)} stays: it keeps public ports of services`]
      : []),
    `group ${ADMIN_GROUP}, with the members you gave it, stays too: groupdel ${ADMIN_GROUP}`,
  ]);
  return 0;
}

interface Service {
  /** It runs, or is started as soon as it has ended: by a crash, or to hand over to the next. */
  isWanted(): Promise<boolean>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/**
 * The agent is stopped where nothing waits for it. One that answers finishes what it began, or takes it back, and one that is
 * slow or speaks otherwise may; where none runs nobody will, and what it left is answered. Errors:
 * service/deployment-under-way, disk/*.
 */
export async function endOrRefuse(
  context: CliContext,
  service: Service = { isWanted: isAgentWanted, stop: stopAgent, start: startAgent },
): Promise<DeploymentRecord | null> {
  const before = await lookForDeployment(context, service);
  if (!before.runs) return before.record;
  refuse(before.record);
  await service.stop();
  try {
    // It may have begun one in the moment between.
    refuse((await lookForDeployment(context, service)).record);
  } catch (error) {
    await service.start();
    throw error;
  }
  return null;
}

function refuse(record: DeploymentRecord | null): void {
  if (record === null) return;
  throw new FairleadError('service/deployment-under-way', { change: record.id, state: record.state });
}

interface Found {
  readonly runs: boolean;
  /** Of a deployment that has touched what runs, and has not come to its end. */
  readonly record: DeploymentRecord | null;
}

/** Of an agent that gives no answer to be understood the disk tells: each step is there before it is done. */
async function lookForDeployment(context: CliContext, service: Service): Promise<Found> {
  const asked = await context.client.call('GET', '/v1/status', statusReply).then(
    ({ inProgress }) => ({ runs: true, record: inProgress }),
    async (error: unknown) => {
      const runs = !isFairleadError(error, 'agent/not-running') || (await service.isWanted());
      return { runs, record: undefined };
    },
  );
  const record = asked.record === undefined ? await lastOnDisk(context.stateDir) : asked.record;
  const isHalf = record !== null && !isFinal(record.state) && !isUntouched(record.state);
  return { runs: asked.runs, record: isHalf ? record : null };
}

/** Null also where there was never an agent. */
async function lastOnDisk(stateDir: string): Promise<DeploymentRecord | null> {
  return (await storeOf(stateDir).records()).at(-1) ?? null;
}

function describeUnfinished({ id, state }: DeploymentRecord): readonly string[] {
  return [
    `${AGENT_UNIT} is removed, and change ${id} was never finished (${state}): what it stopped may not run`,
    'what goes on with it, or takes it back: fairlead agent install',
  ];
}
