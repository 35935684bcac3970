// fairlead agent install: the agent as a service of this machine.

import { resolve } from 'node:path';
import { z } from 'zod';
import { shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { ownExecutable } from '../../../shared/node/own-parts.ts';
import { verifyMachine } from '../../../shared/node/service/manager.ts';
import { describeSteps, type Step } from '../../../shared/node/service/steps.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import { DRIVER_NAMES, isDriverEnabled } from '../../../shared/schema/drivers/drivers.ts';
import {
  installAgent,
  installedDrivers,
  installedStateDir,
  installSteps,
  ownService,
  verifySafe,
} from '../../adapters/machine/agent-service.ts';
import { slotsDirectoryOf } from '../../adapters/machine/agent-slots.ts';
import { AGENT_UNIT } from '../../adapters/machine/agent-unit.ts';
import { describeSlot, installSlot } from '../../adapters/machine/install-slot.ts';
import { AGENT_VERSION } from '../../adapters/machine/surroundings.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { createDeploymentStore } from '../../adapters/state/deployment-store.ts';
import { ADMIN_GROUP, socketPathOf } from '../../adapters/state/state-directory.ts';
import type { OwnInstallation } from '../../core/deploy/agent-slots.ts';
import { isOwn } from '../../core/deploy/generation.ts';
import type { DriverName } from '../../ports/deploy.ts';
import { type CliContext, show } from '../context.ts';
import { describeEnrolled, enrollAnswer, enrollHere, readString } from './enroll.ts';
import { type NetworkOptions, saveNetwork } from './network.ts';

export const stepsShown = z.array(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('write'), path: z.string(), mode: z.int(), text: z.string() }),
    z.strictObject({ kind: z.literal('remove'), path: z.string() }),
    z.strictObject({ kind: z.literal('run'), argv: z.array(z.string()) }),
  ]),
);

export const installAnswer = z.strictObject({
  schema: z.literal('fairlead/agent-installed@1'),
  unit: z.string(),
  /** Of an enrolment that this very command made, or found made by the same string. */
  enrolled: enrollAnswer.optional(),
  /** The slot that this executable was put into; absent where what is there stays. */
  slot: z.enum(['a', 'b']).optional(),
  /** Files that were written: what was as it should be is left alone. */
  changed: z.array(z.string()).optional(),
  /** With --dry-run: what would be done, in this order. */
  wouldDo: stepsShown.optional(),
});
export interface InstallOptions extends NetworkOptions {
  readonly enroll?: string;
  readonly enrollFile?: string;
  readonly name?: string;
  readonly drivers?: readonly DriverName[];
  readonly dryRun?: boolean;
}

/** Errors: enrolment/*, service/*, transport/*, disk/*. */
export async function install(context: CliContext, options: InstallOptions): Promise<number> {
  const stateDir = resolve(context.stateDir);
  const drivers = options.drivers ?? (await installedDrivers());
  const source = ownExecutable();
  const service = ownService(stateDir, limits(drivers));
  const executable = source === null ? null : { stateDir, source, version: AGENT_VERSION };
  if (options.dryRun === true) {
    const slot = executable === null ? [] : await describeSlot(executable);
    return dryRun(context, 'fairlead/agent-installed@1', [...slot, ...installSteps(service)]);
  }
  verifyMachine(`${service.program.map(shellWord).join(' ')} agent run --state-dir ${shellWord(stateDir)}`);
  await verifySafe(service);
  await verifyDrivers(stateDir, service.drivers);
  await verifySlotsFree(context, stateDir);
  await saveNetwork(stateDir, options);
  const enrolled = await enrolHere(stateDir, options);
  const put =
    executable === null ? null : await installSlot(executable, (await installedStateDir()) === stateDir);
  const changed = await installAgent(service, () => answers(context));
  const slot = put?.kind === 'fill' ? { slot: put.slot } : {};
  const reply = { schema: 'fairlead/agent-installed@1', unit: AGENT_UNIT, ...enrolled, ...slot, changed };
  show(context, reply, () => [
    ...(enrolled === null ? [] : describeEnrolled(enrolled.enrolled, stateDir)),
    ...describePut(put, stateDir),
    ...changed.map((path) => `wrote ${path}`),
    `${AGENT_UNIT} is active and answers on ${socketPathOf(stateDir)}; it starts at every boot`,
    `who else may decide here: usermod -aG ${ADMIN_GROUP} NAME`,
    `next: fairlead status${stateOption(context)}`,
  ]);
  return 0;
}

/** A newer one that stays is told too: who has just put an older file down expects that to run. */
function describePut(put: OwnInstallation | null, stateDir: string): readonly string[] {
  switch (put?.kind) {
    case 'fill':
      return [`put this executable, ${AGENT_VERSION}, into ${slotsDirectoryOf(stateDir)}/${put.slot}`];
    case 'stays':
      return [`the agent runs ${put.version}, deployed here or newer than this ${AGENT_VERSION}: it stays`];
    case 'on-trial':
      return [`an agent is on trial here, and goes on: this ${AGENT_VERSION} is put nowhere`];
    default:
      return [];
  }
}

/** A deployment of the agent has both slots in use, from its preflight on. Error: service/agent-on-trial. */
async function verifySlotsFree({ client }: CliContext, stateDir: string): Promise<void> {
  const status = await client.call('GET', '/v1/status', statusReply).catch(() => null);
  const live = status?.inProgress ?? null;
  if (live === null) return;
  const target = (await generationsIn(stateDir)).find((one) => one.number === live.generation) ?? null;
  if (live.steps.some(({ component }) => isOwn(target, component)))
    throw new FairleadError('service/agent-on-trial', {});
}

/**
 * What runs already would be started again inside the agent's sandbox when it ends by itself. Error: service/driver-disabled.
 */
async function verifyDrivers(stateDir: string, drivers: readonly DriverName[] | null): Promise<void> {
  if (drivers === null) return;
  const number = await storeOf(stateDir).currentNumber();
  const current = (await generationsIn(stateDir)).find((one) => one.number === number);
  for (const [component, { document }] of current?.releases ?? []) {
    const { driver } = document.service;
    if (isDriverEnabled(driver, drivers)) continue;
    throw new FairleadError('service/driver-disabled', { component, driver, enabled: drivers.join(',') });
  }
}

/** To look at, whether there was ever an agent or not. What is damaged the agent itself reports. */
export function storeOf(stateDir: string) {
  return createDeploymentStore({ stateDir, treeDirectoryOf: (tree) => tree, onDamage: () => undefined });
}

const generationsIn = (stateDir: string) => storeOf(stateDir).generations();

/** All of them are no limit. */
function limits(drivers: readonly DriverName[] | null): readonly DriverName[] | null {
  return drivers?.length === DRIVER_NAMES.length ? null : drivers;
}

/** Null where an earlier command has enrolled it. */
async function enrolHere(stateDir: string, { enroll, enrollFile, name }: InstallOptions) {
  if (enroll !== undefined || enrollFile !== undefined) {
    return { enrolled: await enrollHere(stateDir, await readString(enroll, enrollFile), name) };
  }
  if ((await readEnrolment(stateDir)) === null) throw new FairleadError('enrolment/missing', { stateDir });
  return null;
}

async function answers({ client }: CliContext): Promise<boolean> {
  return await client.call('GET', '/v1/status', statusReply).then(
    () => true,
    () => false,
  );
}

export function dryRun(context: CliContext, schema: string, steps: readonly Step[]): number {
  show(context, { schema, unit: AGENT_UNIT, wouldDo: steps }, () => [
    ...describeSteps(steps),
    'nothing of this was done',
  ]);
  return 0;
}

function stateOption({ stateDir }: CliContext): string {
  return ` --state-dir ${shellWord(resolve(stateDir))}`;
}
