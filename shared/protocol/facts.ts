// GET and PUT /v1/facts: what this install is, for the classes of rollouts and halts, and what its operator says of it.
import { z } from 'zod';
import { FACT_NAMES, factValue, SAID_FACTS, type SaidFact } from '../schema/classes.ts';
import { instant, line } from '../schema/common.ts';

const MOST_DATABASES = 8;

const saidValues = {
  region: z.array(factValue).length(1),
  database: z.array(factValue).min(1).max(MOST_DATABASES),
} satisfies Readonly<Record<SaidFact, z.ZodType>>;

/** As the operator said them last; what is absent was not said. */
export const saidFacts = z.strictObject({
  schema: z.literal('fairlead/said-facts@1'),
  region: saidValues.region.exactOptional(),
  database: saidValues.database.exactOptional(),
  since: instant,
  by: line,
  reason: line,
});

/** No values take the fact back. */
export const factRequest = z
  .strictObject({
    fact: z.enum(SAID_FACTS),
    values: z.array(factValue).max(MOST_DATABASES).nullable(),
    reason: line,
  })
  .refine(({ fact, values }) => values === null || saidValues[fact].safeParse(values).success, {
    path: ['values'],
    error: `one region, or 1 to ${MOST_DATABASES} databases`,
  });

export const factsReply = z.strictObject({
  schema: z.literal('fairlead/facts@1'),
  facts: z.array(
    z.strictObject({
      fact: z.enum(FACT_NAMES),
      /** Null where it is not known. */
      values: z.array(factValue).nullable(),
      from: z.enum(['the machine', 'what runs and is enabled', 'the operator']),
    }),
  ),
});

export type SaidFacts = z.output<typeof saidFacts>;
export type FactRequest = z.output<typeof factRequest>;
export type FactsReply = z.output<typeof factsReply>;
