// Compile: from configuration, catalog, pins and what runs to the deployment this instance should have, and nothing twice while nothing changes.
import { createHash } from 'node:crypto';
import { utf8 } from '../encoding/bytes.ts';
import { type Digest, digestFromHex, digestOf } from '../encoding/digest.ts';
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { mapped, type Pieces } from '../encoding/pieces.ts';
import { compareVersions } from '../version/version.ts';
import { assemble } from './assemble.ts';
import { type Context, createContext, withoutWithholding } from './context.ts';
import { compileEmergency, compileFixes, NOTHING_MOVES } from './emergency.ts';
import { haltMoments } from './halts.ts';
import { harden } from './harden.ts';
import { explainConflict, findHeldBack } from './lift.ts';
import { reportPins } from './pin-report.ts';
import { manifestDigest } from './plan.ts';
import type { Catalog } from './releases.ts';
import type { Assignment } from './repair.ts';
import { resolve } from './resolve.ts';
import { misconfigured } from './settings.ts';
import type { CompileInput, CompileResult, FixResult, Withheld } from './target.ts';
import { orderMoments, waveMoments } from './waves.ts';

/**
 * The highest versions that pins, bills of materials and requirements let hold together; then, over pins, the nearest
 * fix of whatever a critical advisory affects. The same input gives the same result, whatever the order of its parts.
 */
export function* compile(input: CompileInput): Pieces<CompileResult> {
  const context = yield* createContext(input);
  const solution = yield* resolve(context);
  if (solution.kind !== 'solved') {
    return {
      kind: 'conflict',
      problems:
        solution.kind === 'unsolvable'
          ? solution.because
          : ['too many combinations of versions to try them all'],
      pins: yield* reportPins(context, context.running, new Map()),
      lift: yield* explainConflict(context),
    };
  }
  const { moves, forced } = yield* harden(context, solution.choices);
  const assignment = new Map([...solution.choices, ...moves]);
  const target = assemble(context, assignment, forced);
  return {
    kind: 'compiled',
    target,
    pins: yield* reportPins(context, assignment, forced),
    withheld: yield* findWithheld(context, solution.choices),
    ...(yield* findHeldBack(context, solution.choices)),
    misconfigured: misconfigured(target),
  };
}

/** By component. Compares with what would be chosen if nothing were withheld. */
export function* findWithheld(context: Context, chosen: Assignment): Pieces<readonly Withheld[]> {
  if (context.offers.withheld.size === 0) return [];
  const ideal = yield* resolve(withoutWithholding(context));
  if (ideal.kind !== 'solved') return [];
  return [...ideal.choices]
    .flatMap(([component, wanted]) => {
      const has = chosen.get(component) ?? null;
      const isBetter = wanted !== null && (has === null || compareVersions(wanted.version, has.version) > 0);
      return isBetter ? (context.offers.withheld.get(wanted.digest) ?? []) : [];
    })
    .toSorted((a, b) => (a.component < b.component ? -1 : 1));
}

export interface Compiled {
  readonly desired: CompileResult;
  readonly emergency: FixResult;
  /** What the policy lets in by itself. An order goes first: nothing until it is through. */
  readonly fixes: FixResult;
}

export type Compile = (input: CompileInput) => Pieces<Compiled>;

export const compileAnew: Compile = function* (input) {
  const desired = yield* compile(input);
  const emergency = yield* compileEmergency(input);
  return {
    desired,
    emergency,
    fixes: emergency.target === null ? yield* compileFixes(input) : NOTHING_MOVES,
  };
};

/** What is asked over and over: the decision as it is, and a what-if or two. */
const KEPT = 4;

/** For one instance. `anew` does the work for an input that is not known yet. */
export function createCompileCache(anew: Compile = compileAnew): Compile {
  const results = new Map<Digest, Compiled>();
  const catalogs = new WeakMap<Catalog, CatalogFacts>();
  return function* (input) {
    const facts = catalogs.get(input.catalog) ?? (yield* factsOf(input));
    catalogs.set(input.catalog, facts);
    const key = keyOf(input, facts);
    const result = results.get(key) ?? (yield* anew(input));
    // Last used goes last: the first is the one to forget.
    results.delete(key);
    results.set(key, result);
    const [oldest] = results.keys();
    if (results.size > KEPT && oldest !== undefined) results.delete(oldest);
    return result;
  };
}

interface CatalogFacts {
  readonly digest: Digest;
  /** When the passing of time alone changes what this catalog means here: waves that come, halts that end. */
  readonly moments: readonly EpochMs[];
}

function* factsOf({ catalog, instance }: CompileInput): Pieces<CatalogFacts> {
  const { releases, rollouts, advisories, halts } = catalog;
  const hash = createHash('sha256');
  const lists: readonly (readonly string[])[] = [
    yield* mapped(releases, ({ digest }) => digest),
    yield* mapped(rollouts, digestOfDocument),
    yield* mapped(advisories, digestOfDocument),
    yield* mapped(halts, digestOfDocument),
  ];
  for (const list of lists) hash.update(`${list.length}\n${list.join('\n')}\n`);
  const since = [[...(catalog.haltedSince ?? [])], [...(catalog.ordersHaltedSince ?? [])]];
  hash.update(JSON.stringify(since));
  return {
    digest: digestFromHex(hash.digest('hex')),
    moments: [
      ...(yield* mapped(rollouts, (rollout) => waveMoments(rollout, instance))).flat(),
      ...orderMoments(advisories, instance),
      ...haltMoments(catalog),
    ],
  };
}

/** Of documents that were parsed, which do not change: a catalog that is new has few that are. */
const digests = new WeakMap<object, Digest>();

function digestOfDocument(document: object): Digest {
  const known = digests.get(document) ?? digestOf(utf8(JSON.stringify(document)));
  digests.set(document, known);
  return known;
}

/** Of the time, only which moments have passed: between two of them nothing changes. */
function keyOf(input: CompileInput, { digest, moments }: CatalogFacts): Digest {
  const { instance, now, config, pins, current, quarantined, facts = null, fixesFrom } = input;
  const ends = pins.flatMap(({ expires }) => (expires === undefined ? [] : [instantMs(expires)]));
  const passed = [...moments, ...ends].filter((moment) => moment <= now).length;
  const running = current === null ? null : [manifestDigest(current.manifest), current.config];
  const key = [digest, instance, config, pins, running, [...quarantined].sort(), facts, passed, fixesFrom];
  return digestOf(utf8(JSON.stringify(key)));
}
