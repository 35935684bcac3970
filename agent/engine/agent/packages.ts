// What the steps of a plan are made of, before and after, and what they would fetch: asked for a person who asks, held against what is signed, and forgotten again.
import type { Catalog } from '../../../shared/compile/releases.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { compareSboms } from '../../../shared/present/sbom-difference.ts';
import {
  MAX_COMPARED_BYTES,
  type MovedStep,
  type PackagesReply,
  type PackagesRequest,
} from '../../../shared/protocol/packages.ts';
import { formatRef, refFor, refOf, releasePath } from '../../../shared/schema/release-ref.ts';
import { parseSbom, type Sbom } from '../../../shared/schema/sbom.ts';
import type { Needs } from './state.ts';

/** Why one cannot be compared, in the words that stand in the answer. */
class Uncompared extends Error {}

type Read = (component: string, version: MovedStep['from']) => Promise<Sbom>;

/** All at once: a person waits. Of more the plan has the most that it can be. */
const MOST_WEIGHED = 20;

/** Never throws for what a server has or says: a plan is shown without it. */
export async function readPackages(
  state: Needs<'offers' | 'trees'>,
  { steps }: PackagesRequest,
): Promise<PackagesReply> {
  const read = createReader(state);
  const weighed = await Promise.all(steps.slice(0, MOST_WEIGHED).map((step) => weigh(state, step)));
  const compared: PackagesReply['steps'] = [];
  for (const [at, step] of steps.entries()) {
    compared.push({ ...(await compare(step, read)), ...weighed[at] });
  }
  return { schema: 'fairlead/packages@1', steps: compared };
}

/** By the lists of patches; nothing where the tree is here, or nobody says. */
async function weigh(
  { offers: { contact }, trees }: Needs<'offers' | 'trees'>,
  { component, to }: MovedStep,
): Promise<Pick<PackagesReply['steps'][number], 'fetch'>> {
  const release = findRelease(contact.catalog(), component, to);
  if (release === null || contact.last()?.outcome === 'failed') return {};
  const fetch = (await trees.has(release.tree.digest)) ? null : await trees.weigh(release.tree);
  return fetch === null ? {} : { fetch };
}

function findRelease({ releases }: Catalog, component: string, version: MovedStep['to']) {
  const path = releasePath(refFor(component, version));
  const document = releases.find((one) => releasePath(refOf(one.document)) === path)?.document;
  return document?.schema === 'fairlead/capability@1' ? document : null;
}

async function compare(step: MovedStep, read: Read): Promise<PackagesReply['steps'][number]> {
  try {
    const before = await read(step.component, step.from);
    const { added, removed, changed } = compareSboms(before, await read(step.component, step.to));
    const copied = (all: typeof added) =>
      all.map(({ name, from, to }) => ({ name, from: [...from], to: [...to] }));
    const difference = { added: copied(added), removed: copied(removed), changed: copied(changed) };
    return { ...step, difference, problem: null };
  } catch (error) {
    if (!isFairleadError(error) && !(error instanceof Uncompared)) throw error;
    return { ...step, difference: null, problem: error.message };
  }
}

/** Once nobody answered nobody is asked again: a person waits. */
function createReader({ offers: { contact, bill } }: Needs<'offers'>): Read {
  const catalog = contact.catalog();
  let silence: Error | null = contact.last()?.outcome === 'failed' ? new Uncompared(UNREACHED) : null;
  return async (component, version) => {
    const path = releasePath(refFor(component, version));
    const found = findRelease(catalog, component, version);
    const sbom = catalog.notes?.get(path)?.sbom;
    const name = formatRef(refFor(component, version));
    if (found === null || sbom === undefined)
      throw new Uncompared(`no bill of materials was signed with ${name}`);
    if (sbom.bytes > MAX_COMPARED_BYTES)
      throw new Uncompared(
        `the bill of materials of ${name} is larger than 1 MiB, too large to be compared here`,
      );
    if (silence !== null) throw silence;
    try {
      const bytes = await bill(found.tree.digest, sbom);
      return parseSbom(bytes, `the bill of materials of ${name}`);
    } catch (error) {
      if (isFairleadError(error, 'transport/unreachable')) silence = error;
      throw error;
    }
  };
}

const UNREACHED = 'the server was not reached the last time that it was asked';
