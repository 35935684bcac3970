// An executable that a person or a package brings becomes what the agent's unit starts, unless a newer one does already.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';
import { command, file, type Step } from '../../../shared/node/service/steps.ts';
import { type OwnInstallation, planOwnInstallation, type SlotNote } from '../../core/deploy/agent-slots.ts';
import {
  createAgentSlots,
  currentExecutable,
  EXECUTABLE,
  FULL_COUNT,
  slotsDirectoryOf,
} from './agent-slots.ts';
import { digestOfFile } from './file-digest.ts';

export interface OfferedExecutable {
  readonly stateDir: string;
  readonly source: string;
  readonly version: string;
}

interface Planned {
  readonly plan: OwnInstallation;
  readonly note: SlotNote;
}

async function planFor({ stateDir, source, version }: OfferedExecutable): Promise<Planned> {
  const slots = createAgentSlots(stateDir);
  const facts = await slots.read();
  const digest = await digestOfFile(source);
  if (digest === null) throw new FairleadError('file/missing', { path: source });
  const isIntact = facts.current !== null && (await slots.isIntact(facts.current));
  const component = facts.current === null ? null : (facts.notes[facts.current]?.component ?? null);
  return {
    plan: planOwnInstallation(facts, { version, digest }, isIntact),
    note: { schema: 'fairlead/agent-slot@1', version, digest, component, identity: null },
  };
}

/**
 * Durable when it returns. Answers with what became of it. A trial whose unit was removed goes on once there is one again: without
 * it nothing would ever end it. Errors: service/agent-on-trial, file/missing, disk/*.
 */
export async function installSlot(offered: OfferedExecutable, hasUnit = true): Promise<OwnInstallation> {
  const slots = createAgentSlots(offered.stateDir);
  const { plan, note } = await planFor(offered);
  if (plan.kind === 'on-trial' && hasUnit) throw new FairleadError('service/agent-on-trial', {});
  if (plan.kind === 'fill') {
    // What was copied is what counts, whatever becomes of the source meanwhile.
    await slots.fill(plan.slot, offered.source, async (digest) => ({ ...note, digest }));
    // What does not get as far as a round is taken back by the unit, as after an update.
    if (plan.from === null) await slots.point(plan.slot);
    else await slots.beginTrial({ from: plan.from, to: plan.slot }, null);
  }
  return plan;
}

/** The same as commands that a person could type. Errors: file/missing. */
export async function describeSlot(offered: OfferedExecutable): Promise<readonly Step[]> {
  const { plan, note } = await planFor(offered);
  if (plan.kind !== 'fill') return [];
  const directory = slotsDirectoryOf(offered.stateDir);
  return [
    command('install', '-D', '-m', '755', offered.source, join(directory, plan.slot, EXECUTABLE)),
    file(join(directory, plan.slot, 'slot.json'), `${JSON.stringify(note, null, 2)}\n`),
    ...(plan.from === null ? [] : [command('ln', '-sfnT', plan.from, join(directory, FULL_COUNT))]),
    command('ln', '-sfnT', plan.slot, join(directory, 'current')),
  ];
}

/** Their ports would be closed after the next boot: what keeps them is started from a slot. */
export function keepsPorts(stateDir: string): boolean {
  const traffic = join(stateDir, 'traffic');
  return existsSync(traffic) && readdirSync(traffic).length > 0;
}

export function isInSlots(stateDir: string): boolean {
  return existsSync(currentExecutable(stateDir));
}
