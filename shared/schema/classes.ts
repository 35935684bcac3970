// Classes of installs: what each install knows of itself, and what a rollout, a wave or a halt may ask of it.
import { z } from 'zod';

/** Facts that an install finds out by itself: its system, what runs its services, which suites are on. */
export const FOUND_FACTS = ['os', 'arch', 'driver', 'suite'] as const;
/** Facts that only its operator knows. */
export const SAID_FACTS = ['region', 'database'] as const;
export const FACT_NAMES = [...FOUND_FACTS, ...SAID_FACTS] as const;
export type FactName = (typeof FACT_NAMES)[number];
export type SaidFact = (typeof SAID_FACTS)[number];

/** An install has one of each; of the others it may have several. */
const SINGLE: readonly FactName[] = ['os', 'arch', 'region'];

const MOST_VALUES = 20;
const MOST_CLASSES = 20;
/** Of one fact, in a report. */
export const MOST_FACT_VALUES = 100;

/** A name, or a name and its version: `debian:12`. Where a class says `debian`, each version of it is in; `postgresql:16.3` is in `postgresql:16`. */
export const factValue = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}(?::[a-z0-9][a-z0-9._-]{0,31})?$/, {
  error: 'a lower-case name such as "eu-west", or with a version such as "debian:12"',
});

const wanted = z
  .array(factValue)
  .min(1)
  .max(MOST_VALUES)
  .refine((values) => new Set(values).size === values.length, { error: 'each value once' })
  .optional();

const installClass = z
  .strictObject({ os: wanted, arch: wanted, driver: wanted, suite: wanted, region: wanted, database: wanted })
  .refine((one) => Object.values(one).some((values) => values !== undefined), {
    error: `at least one of ${FACT_NAMES.join(', ')}`,
  });

/** An install is in one of them when, for each fact that it names, it has one of the values. */
export const classes = z.array(installClass).min(1).max(MOST_CLASSES);

export type InstallClass = z.output<typeof installClass>;
export type Classes = readonly InstallClass[];

const known = z.array(factValue).max(MOST_FACT_VALUES).optional();

/** What an install knows of itself. A fact that is absent is not known; an empty list is known to be none. */
export const classFacts = z.strictObject({
  os: known,
  arch: known,
  driver: known,
  suite: known,
  region: known,
  database: known,
});
export type ClassFacts = z.output<typeof classFacts>;

/** `unknown` names the facts that would have to be known. */
export type Membership =
  | { readonly kind: 'in' }
  | { readonly kind: 'out' }
  | { readonly kind: 'unknown'; readonly facts: readonly FactName[] };

/** Never throws, and says the same whatever the order of classes, values and facts. */
export function membershipIn(all: Classes, facts: ClassFacts): Membership {
  const each = all.map((one) => membershipOf(one, facts));
  if (each.some(({ kind }) => kind === 'in')) return { kind: 'in' };
  const missing = new Set(each.flatMap((one) => (one.kind === 'unknown' ? one.facts : [])));
  if (missing.size === 0) return { kind: 'out' };
  return { kind: 'unknown', facts: FACT_NAMES.filter((name) => missing.has(name)) };
}

/** What is offered needs to know that this install is meant. */
export function isOfferedTo(all: Classes | undefined, facts: ClassFacts): boolean {
  return all === undefined || membershipIn(all, facts).kind === 'in';
}

/** What is stopped goes on only where it is known that this install is not meant. */
export function isStoppedFor(all: Classes | undefined, facts: ClassFacts): boolean {
  return all === undefined || membershipIn(all, facts).kind !== 'out';
}

function membershipOf(one: InstallClass, facts: ClassFacts): Membership {
  const unknown: FactName[] = [];
  for (const name of FACT_NAMES) {
    const wants = one[name];
    if (wants === undefined) continue;
    const fit = fitOf(wants, facts[name]);
    if (fit === 'no') return { kind: 'out' };
    if (fit === 'unknown') unknown.push(name);
  }
  return unknown.length === 0 ? { kind: 'in' } : { kind: 'unknown', facts: unknown };
}

function fitOf(wants: readonly string[], has: readonly string[] | undefined): 'yes' | 'no' | 'unknown' {
  if (has === undefined) return 'unknown';
  if (wants.some((want) => has.some((value) => isWithin(value, want)))) return 'yes';
  // A system that does not say its version, or not as much of it, may be the one that is asked for.
  return wants.some((want) => has.some((value) => isWithin(want, value))) ? 'unknown' : 'no';
}

/** `debian:12` is within `debian:12` and within `debian`; `postgresql:16.3` within `postgresql:16`, and `postgresql:160` not. */
function isWithin(value: string, of: string): boolean {
  if (!value.startsWith(of)) return false;
  const next = value[of.length];
  // A dot before the colon is one of the name.
  return next === undefined || next === ':' || (of.includes(':') && '._-'.includes(next));
}

/** True where whoever is in the second is in the first, as far as the words alone tell. */
export function covers(all: Classes | undefined, others: Classes | undefined): boolean {
  if (all === undefined) return true;
  if (others === undefined) return false;
  return others.every((other) => all.some((one) => coversClass(one, other)));
}

function coversClass(one: InstallClass, other: InstallClass): boolean {
  return FACT_NAMES.every((name) => {
    const wants = one[name];
    if (wants === undefined) return true;
    return other[name]?.every((value) => wants.some((want) => isWithin(value, want))) === true;
  });
}

/** True where no install can be in both: they contradict each other in a fact of which an install has one. */
export function isContradiction(all: Classes | undefined, others: Classes | undefined): boolean {
  if (all === undefined || others === undefined) return false;
  return all.every((one) => others.every((other) => contradicts(one, other)));
}

function contradicts(one: InstallClass, other: InstallClass): boolean {
  return SINGLE.some((name) => {
    const [wants, alsoWants] = [one[name], other[name]];
    if (wants === undefined || alsoWants === undefined) return false;
    return !wants.some((want) => alsoWants.some((also) => isWithin(want, also) || isWithin(also, want)));
  });
}

/** As a person types it: `region=eu os=debian|ubuntu`, each class after the other. */
export function formatClasses(all: Classes): string {
  return all.map(formatClass).join('; ');
}

export function formatClass(one: InstallClass): string {
  return FACT_NAMES.flatMap((name) => {
    const values = one[name];
    return values === undefined ? [] : [`${name}=${values.join('|')}`];
  }).join(' ');
}

/** The facts that the classes ask for, as this install knows them: `region=us, os not known`. */
export function describeFacts(all: Classes, facts: ClassFacts): string {
  const asked = FACT_NAMES.filter((name) => all.some((one) => one[name] !== undefined));
  return asked.map((name) => describeFact(name, facts[name])).join(', ');
}

function describeFact(name: FactName, values: readonly string[] | undefined): string {
  if (values === undefined) return `${name} not known`;
  return values.length === 0 ? `no ${name}` : `${name}=${values.join('|')}`;
}
