// The deployments that the laboratory interrupts, and how each ends without a fault.
import { API, AUTH, WEB } from '../../support/deploy-releases.ts';
import { APPROVAL, DENIAL } from './answers.ts';
import { LIFT, PROBATION, REPAIR } from './care.ts';
import type { Instance, Scenario } from './laboratory.ts';
import { PATCHED } from './patched.ts';
import { POLICY } from './policy-edits.ts';
import { asProcesses, blueGreen, deployable, deployTo, ONE, TWO } from './releases.ts';
import { USUAL } from './scenario.ts';

const THREE = deployable({ [AUTH]: '1.2.0', [API]: '1.1.0' });
const FIXED = deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' });
const SWAPPED = deployable({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });

const BESIDE = { ...USUAL, history: [blueGreen('1.0.0')], next: deployTo(blueGreen('2.0.0')) };

export const SCENARIOS: readonly Scenario[] = [
  { ...USUAL, name: 'first', history: [], act: deployTo(ONE) },
  { ...USUAL, name: 'update', history: [ONE], act: deployTo(TWO) },
  {
    ...USUAL,
    name: 'failing',
    history: [ONE],
    behaviours: { 'core/auth@1.1.0': 'red' },
    act: deployTo(TWO),
    end: 'rolled-back',
  },
  {
    ...USUAL,
    name: 'forced',
    history: [ONE],
    act: deployTo(FIXED, { kind: 'forced', advisories: ['FL-2026-0003'] }),
  },
  { ...USUAL, name: 'swap', history: [ONE], act: deployTo(SWAPPED) },
  { ...USUAL, name: 'rollback', history: [ONE, TWO], act: rollBack },
  { ...USUAL, name: 'collect', history: [ONE, FIXED, TWO], keepGenerations: 2, act: deployTo(THREE) },
  {
    ...USUAL,
    name: 'hanging',
    history: [ONE],
    behaviours: { 'core/auth@1.0.0': 'stuck' },
    act: deployTo(TWO),
    end: 'rolled-back',
  },
  { ...BESIDE, name: 'blue-green', act: deployTo(blueGreen('1.1.0')) },
  {
    ...BESIDE,
    name: 'blue-green failing',
    behaviours: { 'core/auth@1.1.0': 'tires' },
    act: deployTo(blueGreen('1.1.0')),
    end: 'rolled-back',
  },
  PROBATION,
  REPAIR,
  LIFT,
  APPROVAL,
  DENIAL,
  POLICY,
  PATCHED,
];

/** Deployed over processes: one service stays, one changes. */
export const PROCESSES: Scenario = {
  ...USUAL,
  name: 'processes',
  history: [asProcesses({ [AUTH]: '1.0.0', [API]: '1.0.0' })],
  services: 'processes',
  act: deployTo(asProcesses({ [AUTH]: '1.1.0', [API]: '1.0.0' })),
  next: deployTo(asProcesses({ [AUTH]: '2.0.0' })),
};

async function rollBack({ deployer }: Instance): Promise<void> {
  await deployer.rollback({ reason: 'customers complain', actor: 'ada' });
}
