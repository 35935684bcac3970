// Doing what a proposal asks for, as an operator would have done it by a command, behind every gate of that command.
import { indexReleases } from '../../../shared/compile/release-index.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import { assertNever, FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import { effectivePolicy } from '../../../shared/policy/local-state.ts';
import { isOpen } from '../../../shared/policy/windows.ts';
import type { PolicyEdit } from '../../../shared/protocol/admin-policy.ts';
import { rollbackTo } from '../../../shared/protocol/upkeep.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import type { Wish } from '../../../shared/schema/proposal.ts';
import { componentNameOf, parseRef, type ReleaseRef } from '../../../shared/schema/release-ref.ts';
import type { Facts } from '../../core/conclude.ts';
import { selectRollbackTarget } from '../../core/deploy/rollback-target.ts';
import type { ProposalEntry } from '../../core/proposals.ts';
import { findWay, hasRelease } from '../../core/way.ts';
import { type Assessing, assess } from './assess.ts';
import { startApply, startRollback } from './deployments.ts';
import { changePolicy } from './policy.ts';
import type { Needs } from './state.ts';

export type Performing = Assessing & Needs<'log' | 'records' | 'wake'>;

export type Outcome =
  | { readonly kind: 'done'; readonly text: string; readonly change: number | null }
  /** Its moment has not come. */
  | { readonly kind: 'later'; readonly text: string };

export interface Yes {
  readonly by: string;
  readonly reason: string;
  /** Whether a person says it now. Without one the windows and holds keep a rollback waiting too. */
  readonly person: boolean;
}

/** `onAct` is asked once everything allows it, before the effect. Errors: those of the command that would do the same. */
export async function perform(
  state: Performing,
  { number, proposal }: ProposalEntry,
  yes: Yes,
  onAct: (acting: NonNullable<ProposalEntry['acting']>) => Promise<void>,
): Promise<Outcome> {
  const { wish } = proposal;
  const said = yes.person ? `${yes.reason}; proposal` : 'proposal';
  const reason = sanitizeLine(`${said} ${number} of the vendor: ${proposal.reason}`, 300);
  const act = { state, by: yes.by, reason, person: yes.person, onAct };
  switch (wish.kind) {
    case 'deploy':
      return await deploy(act, wish);
    case 'rollback':
      return await rollBack(act, wish);
    case 'pin':
    case 'unpin':
    case 'policy':
      return await edit(act, editFor(wish));
    default:
      return assertNever(wish);
  }
}

interface Act extends Yes {
  readonly state: Performing;
  readonly onAct: (acting: NonNullable<ProposalEntry['acting']>) => Promise<void>;
}

function editFor(wish: Exclude<Wish, { readonly kind: 'deploy' | 'rollback' }>): PolicyEdit {
  if (wish.kind !== 'policy') return wish as PolicyEdit;
  const { channel, windows } = wish.template;
  return { kind: 'template', channel, ...(windows === undefined ? {} : { windows }) };
}

async function edit({ state, by, reason, onAct }: Act, wanted: PolicyEdit): Promise<Outcome> {
  // Tried first: what is refused was never begun.
  const tried = await changePolicy(state, { edit: wanted, reason, preview: true }, by);
  await onAct({ after: await newestRecord(state) });
  await changePolicy(state, { edit: wanted, reason, preview: false }, by);
  const changes = sanitizeLine(tried.changes.join('; '), 250);
  return { kind: 'done', text: changes === '' ? 'it was so already' : changes, change: null };
}

async function deploy(act: Act, wish: Wish & { readonly kind: 'deploy' }): Promise<Outcome> {
  const { state, by, reason, person } = act;
  const ref = wish.release === undefined ? null : parseRef(wish.release);
  if (ref !== null) await learnOf(state, ref);
  const { decision, offer, facts } = await assess(state, { command: { actor: by, reason, override: [] } });
  if (ref !== null && hasRelease(facts.current, ref)) {
    return { kind: 'done', text: `${wish.release} runs already`, change: null };
  }
  if (facts.host.deploymentInProgress) return later(decision, 'a deployment is under way');
  if (ref !== null && (offer === null || !hasRelease(offer.target, ref))) {
    if (decision.target?.kind === 'emergency') return later(decision, 'a forced patch goes first');
    if (decision.fix !== undefined) return later(decision, 'a fix goes first');
    throw await leadsElsewhere(facts, ref, state);
  }
  const isPatient = decision.verdict === 'wait' || (!person && /^(?:held|ask)$/.test(decision.verdict));
  if (isPatient) return later(decision, 'it is not its time');
  const plan = offer === null ? undefined : digestOfValue(offer.plan);
  if (plan !== undefined && decision.verdict === 'apply') {
    await act.onAct({ after: await newestRecord(state), plan });
  }
  const { change } = await startApply(state, { plan, reason, override: [] }, by);
  return { kind: 'done', text: `change ${change} began`, change };
}

/** It may have been published after this agent last asked: a proposal is quicker than a round. */
async function learnOf(state: Performing, ref: ReleaseRef): Promise<void> {
  const { contact } = state.offers;
  const index = await inPieces(indexReleases(contact.catalog().releases));
  if (index.find(componentNameOf(ref), ref.version) !== undefined) return;
  const patience = new AbortController();
  await Promise.race([contact.ask(), state.clock.sleep(PATIENCE_MS, patience.signal)]);
  patience.abort();
}

/** A server that hangs keeps no person waiting who has answered. */
const PATIENCE_MS = 10_000;

/** Errors: plan/no-such-release instead, where nobody has released it. */
async function leadsElsewhere(facts: Facts, ref: ReleaseRef, { offers }: Performing): Promise<FairleadError> {
  const { hops, blockers } = await inPieces(findWay(facts, ref, offers.compile));
  const why = blockers.map(({ message }) => message).join('; ');
  return new FairleadError('proposal/leads-elsewhere', {
    release: `${componentNameOf(ref)}@${ref.version}`,
    why: why === '' ? `it takes ${count(hops.length, 'deployment')}, one after the other` : why,
  });
}

function later({ blockers }: Pick<Decision, 'blockers'>, otherwise: string): Outcome {
  const why = blockers.map(({ message, clearsAt }) =>
    clearsAt === undefined ? message : `${message} until ${clearsAt}`,
  );
  return { kind: 'later', text: sanitizeLine(why.join('; ') || otherwise, 300) };
}

async function rollBack(act: Act, wish: Wish & { readonly kind: 'rollback' }): Promise<Outcome> {
  const { state, by, reason, person } = act;
  if (state.deployer.inProgress() !== null) return { kind: 'later', text: 'a deployment is under way' };
  const closed = person ? null : await closedNow(state);
  if (closed !== null) return { kind: 'later', text: closed };
  const to = wish.to === undefined ? undefined : parseDocument(rollbackTo, wish.to, 'the proposal');
  const { deployer } = state;
  const [generations, records] = await Promise.all([deployer.generations(), deployer.records()]);
  const current = await deployer.current();
  // Its number: asked again after a crash, the one before would be another.
  const generation = selectRollbackTarget(generations, records, current?.number ?? null, to).number;
  await act.onAct({ after: await newestRecord(state), generation });
  const { change } = await startRollback(state, { to: generation, reason, acceptRisk: [] }, by);
  return { kind: 'done', text: `change ${change} began`, change };
}

async function closedNow(state: Needs<'choice' | 'clock'>): Promise<string | null> {
  const { windows, hold, emergencyHold } = effectivePolicy({ policy: await state.choice.settings.policy() });
  const now = state.clock.now();
  for (const one of [hold, emergencyHold]) {
    if (one !== undefined && instantMs(one.until) > now) return `held until ${one.until} by ${one.by}`;
  }
  return isOpen(windows, now) ? null : 'no maintenance window is open';
}

async function newestRecord({ deployer }: Needs<'deployer'>): Promise<number> {
  return Math.max(0, ...(await deployer.records()).map(({ id }) => id));
}

/** What an act that a crash cut off has led to; null where it has to be begun anew. */
export async function findDone(
  state: Needs<'deployer' | 'choice'>,
  { proposal: { wish }, acting }: ProposalEntry,
): Promise<Outcome | null> {
  if (acting === undefined) return null;
  const { after, plan, generation } = acting;
  const isIts = ({ id, reason, plan: deployed }: DeploymentRecord) =>
    id > after && (deployed === plan || (reason.kind === 'rollback' && reason.generation === generation));
  const record = (await state.deployer.records()).find(isIts);
  if (record !== undefined) return { kind: 'done', text: `change ${record.id} began`, change: record.id };
  if (wish.kind !== 'unpin') return null;
  const { pins } = effectivePolicy({ policy: await state.choice.settings.policy() });
  const isPinned = pins.some((pin) => (pin.level === 'platform' ? 'platform' : pin.name) === wish.component);
  return isPinned ? null : { kind: 'done', text: 'the pin was taken away', change: null };
}

/** This machine cannot now, or the server cannot be asked: no answer to what was proposed. */
export function isPassing(error: unknown): boolean {
  return (
    isFairleadError(error, 'deploy/busy', 'audit/damaged') ||
    (isFairleadError(error) && /^(?:disk|transport)\//.test(error.code))
  );
}
