// Compiled results kept by the digest of what they were made from: nothing is compiled twice while nothing changes.
import { utf8 } from '../encoding/bytes.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { compile } from './compile.ts';
import { compileEmergency } from './emergency.ts';
import { haltMoments } from './halts.ts';
import { offeredAt } from './offers.ts';
import { manifestDigest } from './plan.ts';
import type { Catalog } from './releases.ts';
import type { CompileInput, CompileResult, EmergencyResult } from './target.ts';

export interface Compiled {
  readonly desired: CompileResult;
  readonly emergency: EmergencyResult;
}

export type Compile = (input: CompileInput) => Compiled;

export const compileAnew: Compile = (input) => ({
  desired: compile(input),
  emergency: compileEmergency(input),
});

/** What is asked over and over: the decision as it is, and a what-if or two. */
const KEPT = 4;

/** For one instance. `anew` does the work for an input that is not known yet. */
export function createCompileCache(anew: Compile = compileAnew): Compile {
  const results = new Map<Digest, Compiled>();
  const catalogs = new WeakMap<Catalog, CatalogFacts>();
  return (input) => {
    const facts = catalogs.get(input.catalog) ?? factsOf(input);
    catalogs.set(input.catalog, facts);
    const key = keyOf(input, facts);
    const result = results.get(key) ?? anew(input);
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

function factsOf({ catalog, instance }: CompileInput): CatalogFacts {
  const { releases, rollouts, advisories, halts } = catalog;
  const content = {
    releases: releases.map((release) => release.digest),
    ...{ rollouts, advisories, halts },
    haltedSince: [...(catalog.haltedSince ?? [])],
    ordersHaltedSince: [...(catalog.ordersHaltedSince ?? [])],
  };
  return {
    digest: digestOf(utf8(JSON.stringify(content))),
    moments: [...rollouts.map((rollout) => offeredAt(rollout, instance)), ...haltMoments(catalog)],
  };
}

/** Of the time, only which moments have passed: between two of them nothing changes. */
function keyOf(input: CompileInput, { digest, moments }: CatalogFacts): Digest {
  const { instance, now, config, pins, current, quarantined } = input;
  const ends = pins.flatMap(({ expires }) => (expires === undefined ? [] : [instantMs(expires)]));
  const passed = [...moments, ...ends].filter((moment) => moment <= now).length;
  const running = current === null ? null : [manifestDigest(current.manifest), current.config];
  const key = [digest, instance, config, pins, running, [...quarantined].sort(), passed];
  return digestOf(utf8(JSON.stringify(key)));
}
