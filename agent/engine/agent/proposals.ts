// What becomes of proposals here: listed, accepted or declined by a person, done by the policy's word when their moment comes.
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { effectivePolicy } from '../../../shared/policy/local-state.ts';
import { commandFor, describeWish } from '../../../shared/present/proposals.ts';
import type {
  DescribedProposal,
  ProposalsReply,
  TemplateReply,
  VerdictReply,
  VerdictRequest,
} from '../../../shared/protocol/proposal.ts';
import { type Policy, type Standing, standingOf } from '../../../shared/schema/policy.ts';
import {
  change,
  expiresAt,
  findEntry,
  isOpen,
  NO_PROPOSALS,
  type ProposalEntry,
  type ProposalsFile,
  withAnswer,
} from '../../core/proposals.ts';
import { findDone, isPassing, type Outcome, type Performing, perform, type Yes } from './perform.ts';
import type { Needs } from './state.ts';

export async function readProposals(state: Needs<'choice'>): Promise<ProposalsReply> {
  const { entries } = await readFile(state);
  const policy = await policyOf(state);
  return {
    schema: 'fairlead/proposals@1',
    proposals: entries.map((one) => describe(one, policy)),
  };
}

/** Its words are the server's, read strictly; adopting it is an edit of its own. Errors: transport/*, enrolment/identity-lost. */
export async function readTemplate(state: Needs<'offers'>, name: string): Promise<TemplateReply> {
  return { schema: 'fairlead/template@1', template: await state.offers.template(name) };
}

/** Errors: proposal/not-found, proposal/closed, proposal/expired, audit/damaged, disk/*, and those of the command that would do the same. */
export async function acceptProposal(
  state: Performing,
  number: number,
  { reason }: VerdictRequest,
  actor: string,
): Promise<VerdictReply> {
  return await state.choice.proposalsInTurn(async () => {
    const one = await openEntry(state, number, ['waiting']);
    return await replyWith(state, await go(state, one, { by: actor, reason, person: true }));
  });
}

/** Also of what the policy has accepted, as long as it waits. Errors: proposal/not-found, proposal/closed, audit/damaged, disk/*. */
export async function declineProposal(
  state: Performing,
  number: number,
  { reason }: VerdictRequest,
  actor: string,
): Promise<VerdictReply> {
  return await state.choice.proposalsInTurn(async () => {
    const one = await openEntry(state, number, ['waiting', 'due']);
    const declined = new FairleadError('proposal/declined', { by: actor, reason });
    return await replyWith(state, await close(state, one, 'refused', { ...wordsOf(declined), by: actor }));
  });
}

/** What is new, what is due, what a crash cut off, and what is past its end. Fails for none of them. */
export async function tendProposals(state: Performing): Promise<void> {
  const policy = await state.choice.settings.policy();
  // It says nothing about proposals: none is answered by a guess.
  if (policy.kind === 'unreadable') return;
  for (const { number } of (await readFile(state)).entries.filter(isOpen)) {
    await state.choice
      .proposalsInTurn(() => tendOne(state, number, policy.policy))
      .catch((err: unknown) => state.log.warn({ err, proposal: number }, 'a proposal waits on'));
  }
}

async function tendOne(state: Performing, number: number, policy: Policy): Promise<void> {
  const one = findEntry(await readFile(state), number);
  if (!isOpen(one)) return;
  const { accepted, answer } = one;
  const done = one.state === 'acting' ? await findDone(state, one) : null;
  if (done !== null) await finish(state, one, done, accepted?.by ?? 'agent');
  else if (state.clock.now() >= expiresAt(one)) {
    const expired = new FairleadError('proposal/expired', { expires: formatInstantMs(expiresAt(one)) });
    await close(state, one, 'expired', { ...wordsOf(expired), by: 'agent' });
  } else if (accepted?.person === true) await goAlone(state, one, accepted);
  else if (one.state !== 'waiting' || answer === undefined) {
    await consider(state, one, standingOf(policy, one.proposal.wish.kind));
  }
}

/** The policy's word, as it is now: also where it said something else when the proposal came. */
async function consider(state: Performing, one: ProposalEntry, standing: Standing): Promise<void> {
  const { wish, by, reason } = one.proposal;
  switch (standing) {
    case 'ignore': {
      const ignored = new FairleadError('proposal/ignored', { kind: wish.kind });
      return void (await close(state, one, 'ignored', { ...wordsOf(ignored), by: 'agent' }));
    }
    case 'propose': {
      const { accepted: _, ...asked } = one;
      const words = { text: 'it waits for a person', by: 'agent' };
      return await write(state, withAnswer(asked, 'waiting', words, state.clock.now()));
    }
    case 'accept':
      return await goAlone(state, one, {
        by: sanitizeLine(`the vendor (${by})`, 120),
        reason,
        person: false,
      });
  }
}

/** Nobody is there to be told of an error: it is the answer, unless it will pass. */
async function goAlone(state: Performing, one: ProposalEntry, yes: Yes): Promise<void> {
  try {
    await go(state, one, yes);
  } catch (error) {
    const { acting: _, ...rest } = one;
    const due: ProposalEntry = { ...rest, state: 'due', accepted: { ...yes } };
    await write(state, due);
    if (isPassing(error)) throw error;
    if (!isFairleadError(error)) state.log.error({ err: error }, 'a proposal could not be done');
    const words = isFairleadError(error)
      ? wordsOf(error)
      : { code: 'internal', text: 'a fault of the agent' };
    await close(state, due, 'refused', { ...words, by: yes.by });
  }
}

/** The yes stands before the act: a crash in between finds it. What a gate refuses stays as it was. */
async function go(state: Performing, one: ProposalEntry, yes: Yes): Promise<ProposalEntry> {
  const accepted = { by: yes.by, reason: yes.reason, person: yes.person };
  const outcome = await perform(state, one, yes, (acting) =>
    write(state, { ...one, state: 'acting', accepted, acting }),
  ).catch(async (error: unknown) => {
    // Of a person's yes nothing is left: they were told, and may say it again.
    if (findEntry(await readFile(state), one.number).state === 'acting') await write(state, one);
    throw error;
  });
  return await finish(state, { ...one, accepted }, outcome, yes.by);
}

async function finish(
  state: Performing,
  one: ProposalEntry,
  outcome: Outcome,
  by: string,
): Promise<ProposalEntry> {
  if (outcome.kind === 'done') return await close(state, one, 'accepted', { ...outcome, by });
  const { acting: _, ...rest } = one;
  const due: ProposalEntry = { ...rest, state: 'due' };
  // Told once: when the window opens is not news every minute.
  const isTold = one.state === 'due' && one.answer !== undefined;
  const words = { text: outcome.text, by };
  const told = isTold ? due : withAnswer(due, 'due', words, state.clock.now());
  await write(state, told);
  return told;
}

/** In the log before it is anywhere else. */
async function close(
  state: Performing,
  one: ProposalEntry,
  to: 'accepted' | 'refused' | 'ignored' | 'expired',
  words: {
    readonly code?: string;
    readonly text: string;
    readonly by: string;
    readonly change?: number | null;
  },
): Promise<ProposalEntry> {
  const closed = withAnswer(one, to, words, state.clock.now());
  const { number, proposal } = one;
  await state.records.ledger.record({
    event: 'proposal-answered',
    actor: words.by,
    details: {
      proposal: number,
      id: proposal.id,
      asks: describeWish(proposal.wish),
      answer: to,
      code: words.code ?? null,
      reason: words.text,
      change: words.change ?? null,
    },
  });
  await write(state, closed);
  return closed;
}

function wordsOf(error: FairleadError): { readonly code: string; readonly text: string } {
  return { code: error.code, text: error.message };
}

/** Errors: proposal/not-found, proposal/closed, proposal/expired. */
async function openEntry(
  state: Needs<'choice' | 'clock'>,
  number: number,
  states: readonly ProposalEntry['state'][],
): Promise<ProposalEntry> {
  const one = findEntry(await readFile(state), number);
  if (!states.includes(one.state)) throw new FairleadError('proposal/closed', { number, state: one.state });
  const expires = expiresAt(one);
  if (state.clock.now() < expires) return one;
  throw new FairleadError('proposal/expired', { expires: formatInstantMs(expires) });
}

async function replyWith(state: Performing, one: ProposalEntry): Promise<VerdictReply> {
  state.wake();
  return { schema: 'fairlead/proposal@1', proposal: describe(one, await policyOf(state)) };
}

export function describe(one: ProposalEntry, policy: Policy): DescribedProposal {
  const { number, proposal, received, state, answer, owed } = one;
  const { id, wish, reason, by } = proposal;
  return {
    ...{ number, id, kind: wish.kind, asks: describeWish(wish), command: commandFor(wish) },
    ...{ reason, by, received, expires: formatInstantMs(expiresAt(one)) },
    ...{ standing: standingOf(policy, wish.kind), state, answer: answer ?? null },
    delivered: answer !== undefined && !owed,
  };
}

export async function readFile(state: Needs<'choice'>): Promise<ProposalsFile> {
  return (await state.choice.proposals.read()) ?? NO_PROPOSALS;
}

/** Read again: an earlier step of the same turn may have written. */
async function write(state: Needs<'choice'>, changed: ProposalEntry): Promise<void> {
  await state.choice.proposals.write(change(await readFile(state), changed));
}

async function policyOf(state: Needs<'choice'>): Promise<Policy> {
  return effectivePolicy({ policy: await state.choice.settings.policy() });
}
