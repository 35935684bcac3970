// fairlead facts: what this install is, by which the vendor's rollouts and halts name classes, and what only its operator knows of it.
import { EXIT } from '../../../shared/errors/entry.ts';
import { formatTable } from '../../../shared/present/table.ts';
import { type FactsReply, factsReply } from '../../../shared/protocol/facts.ts';
import type { SaidFact } from '../../../shared/schema/classes.ts';
import { agreed, type CliContext, show } from '../context.ts';
import type { EditOptions } from '../policy-edit.ts';

export async function listFacts(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/facts', factsReply);
  show(context, reply, () => describe(reply));
  return EXIT.ok;
}

export async function setFact(
  context: CliContext,
  fact: SaidFact,
  values: readonly string[],
  options: EditOptions,
): Promise<number> {
  return await say(context, fact, values, options);
}

export async function unsetFact(context: CliContext, fact: SaidFact, options: EditOptions): Promise<number> {
  return await say(context, fact, null, options);
}

async function say(
  context: CliContext,
  fact: SaidFact,
  values: readonly string[] | null,
  { reason, yes }: EditOptions,
): Promise<number> {
  const question =
    values === null ? `Take back the ${fact}?` : `Say that the ${fact} is ${values.join(', ')}?`;
  if (!(await agreed(context, { yes: yes === true }, question))) return EXIT.refused;
  const reply = await context.client.call('PUT', '/v1/facts', factsReply, { fact, values, reason });
  show(context, reply, () => describe(reply));
  return EXIT.ok;
}

function describe({ facts }: FactsReply): readonly string[] {
  const rows = facts.map(({ fact, values, from }) => [fact, words(values), from]);
  return formatTable([['FACT', 'HERE', 'FROM'], ...rows]);
}

function words(values: readonly string[] | null): string {
  if (values === null) return 'not known';
  return values.length === 0 ? 'none' : values.join(', ');
}
