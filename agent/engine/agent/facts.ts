// What this install is, through the socket: shown, and what only its operator knows, said and on the record before it counts.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import type { FactRequest, FactsReply } from '../../../shared/protocol/facts.ts';
import { type ClassFacts, MOST_FACT_VALUES } from '../../../shared/schema/classes.ts';
import { describeFacts, editFacts, factsHere } from '../../core/facts.ts';
import { type Assessing, type Assessment, assess } from './assess.ts';
import type { Needs } from './state.ts';

/** Each fact there is, also those that nobody knows here. */
export async function readFacts(state: Assessing): Promise<FactsReply> {
  const { facts } = await assess(state);
  return { schema: 'fairlead/facts@1', facts: describeFacts(await inPieces(factsHere(facts))) };
}

/** As they are reported: of the suites of a very large install the first by name. */
export async function factsToReport({ facts }: Assessment): Promise<ClassFacts> {
  const here = await inPieces(factsHere(facts));
  return { ...here, ...(here.suite === undefined ? {} : { suite: here.suite.slice(0, MOST_FACT_VALUES) }) };
}

/** Errors: audit/damaged, disk/*. */
export async function sayFact(
  state: Assessing & Needs<'records' | 'wake'>,
  request: FactRequest,
  actor: string,
): Promise<FactsReply> {
  const { choice, clock, records } = state;
  await choice.inTurn(async () => {
    const known = await choice.facts.read();
    const said = editFacts(known, request, { by: actor, since: formatInstant(clock.now()) });
    if (said === null) return;
    const { fact, values, reason } = request;
    const edit = JSON.stringify({ kind: 'fact', fact, values, before: known?.[fact] ?? null });
    await records.ledger.record({ event: 'policy-changed', actor, details: { edit, reason } });
    await choice.facts.write(said);
  });
  state.wake();
  return readFacts(state);
}
