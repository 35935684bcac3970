// Proposals between server and install: fetched when there is news, taken in, answered until the server has heard it.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { describeWish } from '../../../shared/present/proposals.ts';
import { MOST_ANSWERS, withdrawal } from '../../../shared/protocol/proposal.ts';
import { type Proposal, proposal, proposalId } from '../../../shared/schema/proposal.ts';
import {
  change,
  isOpen,
  markHeard,
  NO_PROPOSALS,
  type ProposalEntry,
  type ProposalsFile,
  selectOwed,
  takeIn,
  withAnswer,
} from '../../core/proposals.ts';
import type { ServerChannel } from '../../ports/server.ts';
import type { Performing } from './perform.ts';
import { readFile, tendProposals } from './proposals.ts';
import type { Needs, ProposalExchange } from './state.ts';

type Channel = Pick<ServerChannel, 'proposals' | 'answerProposals'>;

/** One pass after the other; calls while one is under way make one more. */
export function createProposalExchange(state: () => Performing, channel: Channel): ProposalExchange {
  let running: Promise<void> | null = null;
  let again = false;
  let mark: number | 'unknown' | null = null;

  async function run(): Promise<void> {
    do {
      again = false;
      const said = mark;
      await pass(state(), channel, said);
      // A hint is good for one look; the next report brings the number.
      if (said === 'unknown' && mark === 'unknown') mark = null;
    } while (again);
  }

  return {
    request(said = null) {
      if (said !== null) mark = said;
      again = true;
      running ??= run().finally(() => {
        running = null;
      });
    },
    settled: async () => {
      while (running !== null) await running;
    },
  };
}

/** A server that cannot be reached keeps nothing from what is due, and what fails here is tried at the next pass. */
async function pass(state: Performing, channel: Channel, mark: number | 'unknown' | null): Promise<void> {
  const steps = [
    ['fetched', () => fetchNews(state, channel, mark)],
    ['looked after', () => tendProposals(state)],
    ['answered', () => deliver(state, channel)],
  ] as const;
  for (const [what, step] of steps) {
    await step().catch((err: unknown) => {
      if (isFairleadError(err, 'reporting/off')) return;
      const code = isFairleadError(err) ? err.code : 'internal';
      state.log.warn({ code, err }, `proposals could not be ${what}`);
    });
  }
}

/** Far more than anybody proposes; the rest comes when these are answered. */
const MOST_PAGES = 6;

async function fetchNews(
  state: Performing,
  channel: Channel,
  mark: number | 'unknown' | null,
): Promise<void> {
  if (mark === null || (await readFile(state)).mark === mark) return;
  // An unreadable policy says nothing about proposals: none is answered by a guess.
  if ((await state.choice.settings.policy()).kind === 'unreadable') return;
  let after: string | null = null;
  let isFull = false;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { proposals, next, mark: seen } = await channel.proposals(after);
    isFull = !(await state.choice.proposalsInTurn(() => takePage(state, proposals)));
    if (isFull) state.log.warn({ proposals: proposals.length }, 'more proposals than are taken in a day');
    if (next === null || isFull)
      return await keepMark(state, isFull ? null : Math.max(seen, mark === 'unknown' ? 0 : mark));
    after = next;
  }
}

/** What this pass took in is known: until the server has another mark there is nothing to fetch. */
async function keepMark(state: Performing, mark: number | null): Promise<void> {
  await state.choice.proposalsInTurn(async () => {
    const file = await openFile(state);
    if (file.mark !== mark) await state.choice.proposals.write({ ...file, mark });
  });
}

/** A server offers no more at once, and takes no answer twice. */
const BEFORE_KEPT = 1_000;

/**
 * To take something in. A number stands for one content for good, also where the file that counts them was lost: somebody may
 * have read it and accept it now; and what was taken in by then may have been done. The log has them all; where it cannot be
 * read, nothing is taken in. Error: audit/damaged.
 */
async function openFile(state: Needs<'choice' | 'records'>): Promise<ProposalsFile> {
  const known = await state.choice.proposals.read();
  if (known !== null) return known;
  const logged = (await state.records.audit.entries()).map(({ details }) => details);
  const last = logged.reduce(
    (max, { proposal: one }) => (typeof one === 'number' && one > max ? one : max),
    0,
  );
  const before = new Set(logged.flatMap((details) => ('proposal' in details ? (idIn(details) ?? []) : [])));
  return {
    ...{ ...NO_PROPOSALS, next: last + 1 },
    ...(before.size === 0 ? {} : { before: [...before].slice(-BEFORE_KEPT) }),
  };
}

/** In one write, however many there are. False where there was no room for all. */
async function takePage(state: Performing, sent: readonly unknown[]): Promise<boolean> {
  const before = await openFile(state);
  let file = before;
  let hasRoom = true;
  const received: ProposalEntry[] = [];
  for (const one of sent) {
    const gone = withdrawal.safeParse(one);
    const read = gone.success ? null : proposal.safeParse(one);
    if (gone.success) file = await giveUp(state, file, gone.data.id);
    else if (read?.success === true) {
      const taken = takeIn(file, clean(read.data), state.clock.now());
      file = taken.file;
      hasRoom = hasRoom && !taken.isFull;
      if (taken.entry !== null) received.push(taken.entry);
    } else state.log.warn({ id: idIn(one), problem: problemOf(read?.error) }, 'a proposal cannot be read');
  }
  if (file !== before) await state.choice.proposals.write(file);
  for (const entry of received) await noteReceived(state, entry);
  return hasRoom;
}

function idIn(sent: unknown): string | null {
  const id = typeof sent === 'object' && sent !== null && 'id' in sent ? sent.id : null;
  return proposalId.safeParse(id).success ? String(id) : null;
}

function problemOf(error: { readonly issues: readonly { readonly message: string }[] } | undefined): string {
  return sanitizeLine(error?.issues[0]?.message ?? 'unknown', 200);
}

/** Its texts are the server's; whoever reads them does so on a terminal. */
function clean(one: Proposal): Proposal {
  return { ...one, reason: sanitizeLine(one.reason, 300), by: sanitizeLine(one.by, 300) };
}

/** What becomes of it is for the policy to say, a moment later. */
async function noteReceived(state: Performing, { number, proposal: one }: ProposalEntry): Promise<void> {
  const { id, wish, by, reason, expires } = one;
  await state.records.ledger.note({
    event: 'proposal-received',
    actor: 'agent',
    details: { proposal: number, id, asks: describeWish(wish), by, reason, expires },
  });
}

/** Of what has happened already nothing is taken back: then the answer is told again. */
async function giveUp(state: Performing, file: ProposalsFile, id: string): Promise<ProposalsFile> {
  const one = file.entries.findLast((each) => each.proposal.id === id);
  if (one === undefined || one.state === 'acting') return file;
  if (!isOpen(one)) return one.answer === undefined ? file : change(file, { ...one, owed: true });
  const words = { code: 'proposal/withdrawn', text: 'the vendor withdrew it', by: 'agent' };
  await state.records.ledger.note({
    event: 'proposal-answered',
    actor: 'agent',
    details: { proposal: one.number, id, answer: 'withdrawn', reason: words.text },
  });
  return change(file, withAnswer(one, 'withdrawn', words, state.clock.now()));
}

/** At least once: an answer is owed until the server says that it has it. */
async function deliver(state: Performing, channel: Channel): Promise<void> {
  for (let batch = 0; batch < MOST_PAGES; batch++) {
    const answers = selectOwed(await readFile(state), MOST_ANSWERS);
    if (answers.length === 0) return;
    const reply = await channel.answerProposals(answers);
    await state.choice.proposalsInTurn(async () => {
      let file = markHeard(await readFile(state), answers);
      // Withdrawn while the answer was on its way: it waits for nobody any more, and the server knows.
      const gone = new Set(reply.answers.flatMap(({ id, status }) => (status === 'withdrawn' ? [id] : [])));
      for (const one of file.entries.filter(({ state: now }) => now === 'waiting' || now === 'due')) {
        if (gone.has(one.proposal.id)) file = await giveUp(state, file, one.proposal.id);
      }
      await state.choice.proposals.write(file);
    });
  }
}
