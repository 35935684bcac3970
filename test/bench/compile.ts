// How long compiling a large catalog takes, beside the least that any resolver must do, and how it grows.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CompileInput } from '../../shared/compile/target.ts';
import { compile } from '../support/finished.ts';
import { barePass, chained, entwined, largeInput, type Requires } from '../support/large-catalog.ts';
import { compileInputOf } from '../support/scenario.ts';
import { compareBoth } from './comparisons.ts';
import type { Comparison, Figures } from './figures.ts';
import { type Contender, interleave, type Took, take } from './rounds.ts';
import { npmVersion } from './tools.ts';

const SIZES = [
  [100, 40],
  [250, 100],
  [500, 200],
] as const;
/** At the largest size. */
const GOAL = 2;

export async function measureCompile(): Promise<Figures> {
  const comparisons: Comparison[] = [];
  for (const [capabilities, versions] of SIZES) {
    const goal = versions === 200 ? { goal: GOAL } : {};
    const size = `${capabilities} × ${versions}`;
    comparisons.push(
      ...(await row(`${size}, entwined`, { capabilities, versions, requires: entwined, ...goal })),
      ...(await row(`${size}, a chain pulled down by a pin`, {
        ...{ capabilities, versions, requires: chained(capabilities), isPinned: true, ...goal },
      })),
    );
  }
  return {
    title: 'Compile',
    note:
      'Capabilities × versions of each; a bare pass parses and sorts the same versions with semver, nothing else. ' +
      `Each ran once before, so that both are compiled, and each works on documents made anew, once the young part of the heap is collected: moving them is in neither time. Nothing is known yet of a catalog’s documents, as after a start of the agent, unless it is the same catalog again. Beside ${npmVersion('semver')}.`,
    comparisons,
  };
}

interface Catalog {
  readonly capabilities: number;
  readonly versions: number;
  readonly requires: Requires;
  readonly isPinned?: true;
  readonly goal?: number;
}

async function row(what: string, catalog: Catalog): Promise<readonly Comparison[]> {
  const { capabilities, versions, requires, isPinned, ...goal } = catalog;
  const input = largeInput(capabilities, versions, requires);
  const last = `core/c${capabilities - 1}`;
  const lowest = `1.${Math.floor(versions * 0.75)}.0`;
  const { pins } = compileInputOf({ releases: {}, pins: isPinned ? { [last]: lowest } : {} });
  const [ours = [], again = [], bare = []] = await interleave([
    warmed('Fairlead', () => {
      const catalog = renewed(input.catalog);
      return () => compile({ ...input, pins, catalog });
    }),
    warmed('Fairlead, again', () => () => compile({ ...input, pins })),
    warmed('semver', () => {
      const catalog = renewed(input.catalog);
      return () => barePass({ ...input, catalog });
    }),
  ]);
  return [
    ...compareBoth(what, ours, { name: 'a bare pass', ...goal, took: bare }),
    ...compareBoth(`${what}; the same catalog again`, again, { name: 'a bare pass', took: bare }),
  ];
}

/** What is known of a catalog hangs on its lists and documents: none of these was seen before. */
function renewed(catalog: CompileInput['catalog']): CompileInput['catalog'] {
  return {
    ...catalog,
    releases: catalog.releases.map((one) => ({ ...one, document: structuredClone(one.document) })),
    rollouts: catalog.rollouts.map((one) => structuredClone(one)),
  };
}

/** `ready` makes what is worked on, outside of what is timed; nor does anybody pay for moving what it made to where old things are. */
function warmed(name: string, ready: () => () => unknown): Contender<Took> {
  ready()();
  const run = () => {
    const work = ready();
    collect({ type: 'minor' });
    return take(work);
  };
  return { name, run };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (what: { readonly type: 'minor' }) => void;
