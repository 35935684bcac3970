// The proposals that an install knows: which are taken in, what each waits for, and which answers the server has yet to hear.
import { z } from 'zod';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { type ProposalAnswer, proposalAnswer } from '../../shared/protocol/proposal.ts';
import { digest, instant, line } from '../../shared/schema/common.ts';
import type { ProposalKind } from '../../shared/schema/policy.ts';
import { LONGEST_MS, MOST_OPEN, type Proposal, proposal, proposalId } from '../../shared/schema/proposal.ts';

const answer = proposalAnswer.omit({ id: true, revision: true });

const CLOSED = ['accepted', 'ignored', 'refused', 'expired', 'withdrawn', 'superseded'] as const;

const entry = z.strictObject({
  /** Stands for this content for good: nobody accepts what was put in its place after they looked. */
  number: z.int().min(1),
  proposal,
  received: instant,
  /** `waiting` for a person, or, without an answer, for the policy's word. */
  state: z.enum(['waiting', 'due', 'acting', ...CLOSED]),
  /** Whose yes it is, from the moment on that there is one. */
  accepted: z.strictObject({ by: line, reason: line, person: z.boolean() }).optional(),
  /** Written before the act: what a crash left undone is told from what it left unsaid. */
  acting: z
    .strictObject({
      /** The newest deployment before it. */
      after: z.int().min(0),
      plan: digest.optional(),
      generation: z.int().min(0).optional(),
    })
    .optional(),
  answer: answer.optional(),
  /** The server has yet to hear the answer. */
  owed: z.boolean(),
});
export type ProposalEntry = z.output<typeof entry>;

export const proposalsFile = z.strictObject({
  schema: z.literal('fairlead/proposals-file@1'),
  next: z.int().min(1),
  /** The server's mark when everything it had was last taken in. */
  mark: z.int().min(0).nullable(),
  /** How many were taken in on a day: what a server may cost the log is bounded. */
  taken: z.strictObject({ day: z.string().max(10), count: z.int().min(0) }),
  entries: z.array(entry),
  /** Taken in before an earlier file was lost: nobody knows what came of them. */
  before: z.array(proposalId).optional(),
});
export type ProposalsFile = z.output<typeof proposalsFile>;

export const NO_PROPOSALS: ProposalsFile = {
  schema: 'fairlead/proposals-file@1',
  next: 1,
  mark: null,
  taken: { day: '', count: 0 },
  entries: [],
};

const MOST_A_DAY = 200;
/** Closed ones stay this many, so that a repetition is told from a new one. */
const CLOSED_KEPT = 200;
const OWED_KEPT = 400;

export function isOpen({ state }: Pick<ProposalEntry, 'state'>): boolean {
  return !CLOSED.some((closed) => closed === state);
}

/** Error: proposal/not-found. */
export function findEntry(file: ProposalsFile, number: number): ProposalEntry {
  const found = file.entries.find((one) => one.number === number);
  if (found === undefined) throw new FairleadError('proposal/not-found', { number });
  return found;
}

export function expiresAt({ proposal: { expires }, received }: ProposalEntry): EpochMs {
  return Math.min(instantMs(expires), instantMs(received) + LONGEST_MS);
}

export interface Taken {
  readonly file: ProposalsFile;
  /** The entry that is new; null for a repetition, and where there is no room. */
  readonly entry: ProposalEntry | null;
  readonly isFull: boolean;
}

/** A repetition is answered again as it was. */
export function takeIn(known: ProposalsFile, offered: Proposal, now: EpochMs): Taken {
  const same = known.entries.find(
    ({ proposal: one }) => one.id === offered.id && one.revision >= offered.revision,
  );
  if (same !== undefined) {
    const owed = same.owed || (!isOpen(same) && same.answer !== undefined);
    return {
      file: owed === same.owed ? known : change(known, { ...same, owed }),
      entry: null,
      isFull: false,
    };
  }
  const day = formatInstantMs(now).slice(0, 10);
  const count = known.taken.day === day ? known.taken.count : 0;
  const others = supersede(known, offered.id);
  if (count >= MOST_A_DAY || others.entries.filter(isOpen).length >= MOST_OPEN) {
    return { file: known, entry: null, isFull: true };
  }
  const fresh: ProposalEntry = {
    ...{ number: known.next, proposal: offered, received: formatInstantMs(now) },
    ...{ state: 'waiting', owed: false },
  };
  const added = known.before?.includes(offered.id) ? withAnswer(fresh, 'waiting', PERHAPS_DONE, now) : fresh;
  return {
    file: prune({
      ...others,
      next: known.next + 1,
      taken: { day, count: count + 1 },
      entries: [...others.entries, added],
    }),
    entry: added,
    isFull: false,
  };
}

/** Done twice, a rollback would go back twice. With an answer it waits for a person, whatever the policy accepts. */
const PERHAPS_DONE = {
  text: 'the record of it was lost, and it may have been done already: a person decides',
  by: 'agent',
};

/** What the vendor changed is another proposal: an earlier yes was to the earlier one. */
function supersede(known: ProposalsFile, id: string): ProposalsFile {
  const entries = known.entries.map((one) =>
    one.proposal.id === id && (one.state === 'waiting' || one.state === 'due')
      ? { ...one, state: 'superseded' as const, owed: false }
      : one,
  );
  return { ...known, entries };
}

function prune(file: ProposalsFile): ProposalsFile {
  const closed = file.entries.filter((one) => !isOpen(one));
  const gone = new Set([
    ...oldest(
      closed.filter((one) => !one.owed),
      CLOSED_KEPT,
    ),
    // A server that takes no answers owns no disk here.
    ...oldest(
      closed.filter((one) => one.owed),
      OWED_KEPT,
    ),
  ]);
  return { ...file, entries: file.entries.filter((one) => !gone.has(one)) };
}

function oldest(entries: readonly ProposalEntry[], kept: number): readonly ProposalEntry[] {
  return entries.slice(0, Math.max(0, entries.length - kept));
}

/** Puts an entry in the place of the one with its number. */
export function change(file: ProposalsFile, changed: ProposalEntry): ProposalsFile {
  return {
    ...file,
    entries: file.entries.map((one) => (one.number === changed.number ? changed : one)),
  };
}

export interface Words {
  readonly code?: string | null;
  readonly text: string;
  readonly by: string;
  readonly change?: number | null;
}

/** The entry with its answer, which the server is owed from then on. */
export function withAnswer(
  one: ProposalEntry,
  state: ProposalEntry['state'],
  words: Words,
  now: EpochMs,
): ProposalEntry {
  const { acting: _, ...rest } = one;
  return {
    ...rest,
    state,
    answer: {
      answer: ANSWER_OF[state],
      code: words.code ?? null,
      text: sanitizeLine(words.text, 300),
      by: sanitizeLine(words.by, 300),
      change: words.change ?? null,
      at: formatInstantMs(now),
    },
    owed: true,
  };
}

const ANSWER_OF: Readonly<Record<ProposalEntry['state'], ProposalAnswer['answer']>> = {
  waiting: 'queued',
  due: 'queued',
  acting: 'queued',
  accepted: 'accepted',
  ignored: 'ignored',
  refused: 'refused',
  expired: 'refused',
  withdrawn: 'refused',
  superseded: 'refused',
};

export function selectOwed({ entries }: ProposalsFile, most: number): readonly ProposalAnswer[] {
  return entries
    .flatMap(({ owed, answer: given, proposal: { id, revision } }) =>
      owed && given !== undefined ? [{ id, revision, ...given }] : [],
    )
    .slice(0, most);
}

/** An answer that was given anew meanwhile is still owed. */
export function markHeard(file: ProposalsFile, heard: readonly ProposalAnswer[]): ProposalsFile {
  const isHeard = ({ proposal: { id, revision }, answer: given }: ProposalEntry) =>
    heard.some(
      (one) =>
        one.id === id && one.revision === revision && one.at === given?.at && one.answer === given.answer,
    );
  return { ...file, entries: file.entries.map((one) => (isHeard(one) ? { ...one, owed: false } : one)) };
}

/** Of a server that this install has left: nothing waits for its wishes, nothing is owed to it, and numbers go on. */
export function leaveServer(file: ProposalsFile): ProposalsFile {
  const entries = file.entries.map((one) => ({
    ...one,
    ...(one.state === 'waiting' || one.state === 'due' ? { state: 'withdrawn' as const } : {}),
    owed: false,
  }));
  return { ...file, mark: null, entries };
}

/** The kinds and numbers of what waits for a person. */
export function selectWaiting({ entries }: ProposalsFile): readonly { number: number; kind: ProposalKind }[] {
  return entries
    .filter(({ state }) => state === 'waiting')
    .map(({ number, proposal: { wish } }) => ({ number, kind: wish.kind }));
}
