// Looking after what is committed: degradation undone on probation, damage repaired, a quarantine lifted.
import { rm, writeFile } from 'node:fs/promises';
import { API, AUTH } from '../../support/deploy-releases.ts';
import { isDone } from './acknowledged.ts';
import { askAgent, isAudited } from './agent-of.ts';
import type { Instance, Scenario } from './laboratory.ts';
import { ONE, TWO, UNDOABLE_ONE, UNDOABLE_TWO } from './releases.ts';
import { USUAL } from './scenario.ts';

/** Enough looks for a degradation to be certain, and for every way back that is tried. */
const LOOKS = 12;

/** The newer version was healthy when it was committed, and is red now. */
export const PROBATION: Scenario = {
  ...USUAL,
  name: 'probation',
  history: [UNDOABLE_ONE, UNDOABLE_TWO],
  behaviours: { 'core/auth@1.1.0': 'red' },
  act: supervise,
  goOn: supervise,
  /** Undone, or still on the operator's list. */
  async broken({ deployer }) {
    const current = await deployer.current();
    const runs = current?.manifest.components.find(({ component }) => component === AUTH)?.version;
    if (runs !== '1.1.0') return [];
    const attempts = (await deployer.records()).filter(({ reason }) => reason.kind === 'rollback').length;
    const isShown = deployer.degradations().some(({ component }) => component === AUTH);
    if (!isShown) return ['what degrades is forgotten'];
    return attempts < 2 ? ['what degrades is not undone'] : [];
  },
};

async function supervise({ deployer, clock }: Instance): Promise<void> {
  await deployer.supervise(clock.pauses(LOOKS));
}

/** A file of what runs was changed by hand. */
export const REPAIR: Scenario = {
  ...USUAL,
  name: 'repair',
  history: [ONE],
  before: damage,
  async act(instance, acknowledge) {
    await repair(instance);
    acknowledge({ kind: 'done', what: 'repair' });
  },
  async broken(instance, acknowledged) {
    const isDamaged = (await deviations(instance)) > 0;
    const problems = isDamaged && acknowledged.some(isDone) ? ['what was repaired is damaged'] : [];
    if (!isDamaged && !(await isAudited(instance, 'repair-requested'))) problems.push('repaired unaudited');
    if (isDamaged) await repair(instance);
    return problems;
  },
};

/** Two versions were rolled back; one of them may be tried again. */
export const LIFT: Scenario = {
  ...USUAL,
  name: 'lift',
  history: [ONE, TWO],
  before: ({ deployer }) => deployer.rollback({ reason: 'customers complain', actor: 'ada' }),
  async act(instance, acknowledge) {
    await lift(instance);
    acknowledge({ kind: 'done', what: 'lift' });
  },
  async broken(instance, acknowledged) {
    const held = (await instance.deployer.quarantine()).map(({ component }) => component);
    const isLifted = !held.includes(AUTH);
    const problems = held.includes(API) ? [] : ['what nobody lifted is lifted'];
    if (!isLifted && acknowledged.some(isDone)) problems.push('what was lifted is quarantined');
    if (isLifted && !(await isAudited(instance, 'quarantine-lifted'))) problems.push('lifted unaudited');
    if (!isLifted) await lift(instance);
    return problems;
  },
};

async function damage(instance: Instance): Promise<void> {
  for (const file of await runningFiles(instance)) {
    await rm(file);
    await writeFile(file, 'changed by hand');
  }
}

async function runningFiles({ deployer, trees }: Instance): Promise<readonly string[]> {
  const components = (await deployer.current())?.manifest.components ?? [];
  return components.map(({ tree }) => `${trees.directoryOf(tree)}/cut`);
}

async function deviations({ deployer, trees }: Instance): Promise<number> {
  const releases = [...((await deployer.current())?.releases.values() ?? [])];
  const found = await Promise.all(releases.map(({ document }) => trees.verify(document)));
  return found.flat().length;
}

function repair(instance: Instance): Promise<unknown> {
  return askAgent(instance, 'POST', '/v1/verify/repair', { reason: 'somebody edited it' });
}

function lift(instance: Instance): Promise<unknown> {
  return askAgent(instance, 'DELETE', `/v1/quarantine/${AUTH}`, { reason: 'it was the network' });
}
