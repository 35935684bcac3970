// Assessing the instance: every fact the decision needs, read now, and the decision made from them.

import { NOTHING_MOVES } from '../../../shared/compile/emergency.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import type { ApplyCommand } from '../../../shared/policy/decide-input.ts';
import { type ConfigState, unreadableConfig } from '../../../shared/policy/local-state.ts';
import { NO_APPROVALS, selectOpen } from '../../core/approvals.ts';
import { type Conclusion, conclude, type Facts } from '../../core/conclude.ts';
import { selectInconsistent } from '../../core/deploy/records.ts';
import { knownFacts } from '../../core/facts.ts';
import type { Deployer, Generation } from '../../ports/deploy.ts';
import type { Settings, TreeStore } from '../../ports/state.ts';
import type { Needs } from './state.ts';

/** What every fact is read from. */
export type Assessing = Needs<'self' | 'offers' | 'choice' | 'deployer' | 'clock'> & {
  readonly trees: Pick<TreeStore, 'stored'>;
};

export interface Assessment extends Conclusion {
  readonly facts: Facts;
  readonly current: Generation | null;
}

export interface AssessOptions {
  readonly command?: ApplyCommand;
  /** A deployment that asks whether it may still go on does not count itself as one under way, and is watched for so long. */
  readonly within?: { readonly soakMs: number };
}

/** Needs no network: the catalog is what the repository last verified. */
export async function assess(state: Assessing, options: AssessOptions = {}): Promise<Assessment> {
  const gathered = await gather(state, options);
  return { ...(await concludeFrom(state, gathered.facts, options)), ...gathered };
}

/** Answers from the decision that is being made, or was made last, without waiting for it; `isOlder` says which. */
export async function assessSoon(
  state: Assessing & Needs<'records'>,
): Promise<Assessment & { readonly isOlder: boolean }> {
  const gathered = await gather(state, {});
  const conclude = () => concludeFrom(state, gathered.facts, {});
  const soonest = await state.offers.latest.soonest(conclude);
  if (soonest.kind === 'made') return { ...soonest.conclusion, ...gathered, isOlder: false };
  const last = soonest.last ?? (await recorded(state));
  // Of an install that has never decided there is nothing to tell yet.
  return { ...(last ?? (await conclude())), ...gathered, isOlder: last !== null };
}

/** As an earlier start of the agent left it. */
async function recorded({ records }: Needs<'records'>): Promise<Conclusion | null> {
  const record = await records.decisions.read();
  if (record === null) return null;
  // A record tells of an order what its decision says.
  return { decision: record.decision, offer: null, emergency: NOTHING_MOVES, pins: [] };
}

async function concludeFrom(
  { offers }: Needs<'offers'>,
  facts: Facts,
  { command }: AssessOptions,
): Promise<Conclusion> {
  // One after the other: who asks the same meanwhile finds it compiled.
  return await offers.inTurn(() => inPieces(conclude(facts, command ?? null, offers.compile)));
}

/** Every fact, read now. */
async function gather(
  state: Assessing,
  options: AssessOptions,
): Promise<Pick<Assessment, 'facts' | 'current'>> {
  const { deployer, offers, choice, trees } = state;
  const { settings } = choice;
  const now = state.clock.now();
  const [policy, config, current, quarantine, quarantineDamage, records, approvals, said, stored, soakMs] =
    await Promise.all([
      settings.policy(),
      readConfig(settings),
      readCurrent(deployer),
      deployer.quarantine(),
      deployer.quarantineDamage(),
      deployer.records(),
      choice.approvals.read(),
      choice.facts.read(),
      trees.stored(),
      options.within?.soakMs ?? deployer.soakMs(),
    ]);
  const facts: Facts = {
    instance: state.self.instance.id,
    now,
    policy,
    config,
    current: current.generation,
    quarantine,
    approvals: selectOpen(approvals ?? NO_APPROVALS, records, now),
    catalog: offers.contact.catalog(),
    known: knownFacts(state.self.machine ?? {}, said),
    freshness: offers.freshness(now),
    host: hostFacts(state, options, records, { quarantineDamage, currentDamage: current.damage }),
    // The deployment that asks is no failed attempt.
    records: options.within !== undefined ? records.slice(0, -1) : records,
    means: {
      ...{ stored, weights: offers.weights.known(), soakMs },
      isBegun: options.within !== undefined,
    },
  };
  return { facts, current: current.generation };
}

function hostFacts(
  { deployer, self: { drivers } }: Assessing,
  { within }: AssessOptions,
  records: Facts['records'],
  damages: Pick<Facts['host'], 'currentDamage' | 'quarantineDamage'>,
): Facts['host'] {
  return {
    deploymentInProgress: within === undefined && deployer.inProgress() !== null,
    inconsistent: selectInconsistent(records) !== null,
    ...damages,
    ...(drivers === undefined ? {} : { drivers }),
  };
}

async function readConfig(settings: Settings): Promise<ConfigState> {
  return await settings.config().then((config) => ({ kind: 'readable', config }), unreadableConfig);
}

/** A round that only failed would say nothing: what is not known is a reason of its own, and the rest is told as ever. */
export async function readCurrent(
  deployer: Pick<Deployer, 'current'>,
): Promise<{ readonly generation: Generation | null; readonly damage: string | null }> {
  try {
    return { generation: await deployer.current(), damage: null };
  } catch (error) {
    if (!isFairleadError(error, 'deploy/generation-damaged')) throw error;
    return { generation: null, damage: error.message };
  }
}
