// One round of the agent: ask the server when it is time, decide, write the decision down, act on it.
import { type EpochMs, formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { effectivePolicy } from '../../../shared/policy/local-state.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import { isSameDecision } from '../../core/conclude.ts';
import { rememberAsked } from './approvals.ts';
import { type Assessing, type Assessment, assess } from './assess.ts';
import type { Needs } from './state.ts';

const SHORTEST_WAIT_MS = 1000;

/** Returns the milliseconds in which nothing is due. */
export async function round(state: Assessing & Needs<'log' | 'records' | 'wake'>): Promise<number> {
  const { clock } = state;
  const { contact } = state.offers;
  await contact.open();
  if (clock.monotonic() >= contact.dueAt()) await askPatiently(state);
  const assessment = await assess(state);
  state.records.reporter.request();
  state.offers.proposals.request();
  await state.records.ledger.noteLocal();
  await recordOrWarn(state, assessment.decision);
  state.offers.latest.note(assessment);
  if (assessment.decision.verdict === 'ask' && assessment.offer !== null) {
    await rememberAsked(state, assessment.offer.plan);
  }
  act(state, assessment);
  const waits = [contact.dueAt() - clock.monotonic(), untilCleared(assessment.decision, clock.now())];
  if (isForcedBehind(assessment.decision)) waits.push(LOOK_AGAIN_MS);
  return Math.max(SHORTEST_WAIT_MS, Math.min(...waits));
}

/** A server that answers does so sooner. What is on disk is decided and deployed without it from then on. */
const PATIENCE_MS = 5_000;

/** The answer, when it comes later, begins a round of its own: a server that hangs holds nothing up. */
async function askPatiently({
  clock,
  offers: { contact },
  wake,
}: Needs<'clock' | 'offers' | 'wake'>): Promise<void> {
  const patience = new AbortController();
  const asked = contact.ask().then(() => 'answered' as const);
  const waited = clock.sleep(PATIENCE_MS, patience.signal).then(() => 'waited' as const);
  if ((await Promise.race([asked, waited])) === 'waited') void asked.then(wake);
  patience.abort();
}

/** A forced patch behind a deployment looks often whether it has ended. */
const LOOK_AGAIN_MS = 5_000;

function isForcedBehind({ target, blockers }: Decision): boolean {
  return target?.kind === 'emergency' && blockers.every(({ code }) => code === 'deployment-in-progress');
}

/** Begins to apply, or to fetch ahead, as decided. Neither is waited for: it may take days, and an order may come meanwhile. */
function act(state: Assessing, { decision, offer, facts }: Assessment): void {
  if (offer === null || decision.target === null) return;
  if (isForcedBehind(decision)) state.deployer.giveWay(decision.target.plan);
  if (decision.verdict === 'apply') state.offers.own.begin(offer);
  if (decision.verdict !== 'apply') state.offers.weights.look(offer.target.releases.values());
  const waits = decision.verdict === 'wait' || decision.verdict === 'ask';
  if (waits && effectivePolicy(facts).fetchAhead) {
    state.offers.fetchAhead.begin(offer.target.releases.values());
  }
}

/** A disk that does not take it holds no forced patch up: that one's own record says why, and is durable before anything stops. */
async function recordOrWarn(state: Needs<'clock' | 'log' | 'records'>, decision: Decision): Promise<void> {
  await recordDecision(state, decision).catch((err: unknown) => {
    if (decision.target?.kind !== 'emergency' || !isFairleadError(err)) throw err;
    state.log.error({ err }, 'the decision could not be written down');
  });
}

/** Durable before it has an effect: nothing changes here without a decision on disk that says why. */
async function recordDecision(state: Needs<'clock' | 'log' | 'records'>, decision: Decision): Promise<void> {
  const known = await state.records.decisions.read();
  if (known !== null && isSameDecision(known.decision, decision)) return;
  const since = formatInstant(state.clock.now());
  await state.records.decisions.write({ schema: 'fairlead/decision-record@1', since, decision });
  state.log.info(
    { verdict: decision.verdict, blockers: decision.blockers.map((each) => each.code) },
    'a new decision',
  );
}

function untilCleared(decision: Decision, now: EpochMs): number {
  const clears = decision.blockers.flatMap(({ clearsAt }) => (clearsAt === undefined ? [] : [clearsAt]));
  return Math.min(...clears.map((at) => instantMs(at) - now).filter((ms) => ms > 0));
}
