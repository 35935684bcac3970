// The facts of this install: what its operator says of it, and all of them together, as the classes of rollouts and halts see them.
import { classFactsOf } from '../../shared/compile/facts.ts';
import { indexReleases } from '../../shared/compile/release-index.ts';
import type { KnownFacts } from '../../shared/compile/target.ts';
import type { Pieces } from '../../shared/encoding/pieces.ts';
import type { FactRequest, FactsReply, SaidFacts } from '../../shared/protocol/facts.ts';
import { type ClassFacts, FACT_NAMES, type FactName, SAID_FACTS } from '../../shared/schema/classes.ts';
import { compileInputOf, type Facts } from './conclude.ts';

/** `machine` is what was found when the agent started. */
export function knownFacts(machine: KnownFacts, said: SaidFacts | null): KnownFacts {
  const { region, database } = said ?? {};
  return {
    ...machine,
    ...(region === undefined ? {} : { region }),
    ...(database === undefined ? {} : { database }),
  };
}

export function* factsHere(facts: Facts): Pieces<ClassFacts> {
  const input = compileInputOf(facts);
  return classFactsOf(input, yield* indexReleases(input.catalog.releases));
}

/** Null where it changes nothing. */
export function editFacts(
  said: SaidFacts | null,
  { fact, values, reason }: FactRequest,
  { by, since }: Pick<SaidFacts, 'by' | 'since'>,
): SaidFacts | null {
  if (JSON.stringify(said?.[fact] ?? null) === JSON.stringify(values)) return null;
  const { [fact]: _, ...others } = said ?? {};
  const changed = values === null ? {} : { [fact]: values };
  return { ...others, ...changed, ...{ schema: 'fairlead/said-facts@1', since, by, reason } };
}

export function describeFacts(facts: ClassFacts): FactsReply['facts'] {
  return FACT_NAMES.map((fact) => ({ fact, values: facts[fact] ?? null, from: sourceOf(fact) }));
}

function sourceOf(fact: FactName): FactsReply['facts'][number]['from'] {
  if (SAID_FACTS.some((one) => one === fact)) return 'the operator';
  return fact === 'os' || fact === 'arch' ? 'the machine' : 'what runs and is enabled';
}
