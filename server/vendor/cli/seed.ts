// The known fleet and the seed of waves: drawn so that the first of them holds installs of every class, and told to who signs it.
import { randomBytes } from 'node:crypto';
import { instancesReply } from '../../../shared/protocol/fleet.ts';
import { classFacts } from '../../../shared/schema/classes.ts';
import { describePlan, type KnownInstall, type Offering, planWaves } from '../core/canaries.ts';
import type { Session } from '../workspace/passphrases.ts';
import { listAll, unlessAway } from './fleet.ts';

const SEEDS = 2_000;

/** Of a rollout on a track; any, and said so, where the server cannot be asked. */
export async function chooseSeed(session: Session, offering: Offering, track: string): Promise<string> {
  const known = await readKnownInstalls(session, track);
  if (known === null) {
    session.out.note('canaries: not looked for, the server could not be asked which classes the fleet has');
    return drawSeed();
  }
  const { seed, lines } = bestSeed(offering, known.installs);
  if (known.more) session.out.note(`the first ${known.installs.length} installs by name were looked at`);
  for (const line of lines) session.out.note(line);
  return seed;
}

export function bestSeed(
  offering: Offering,
  installs: readonly KnownInstall[],
): { readonly seed: string; readonly lines: readonly string[] } {
  const others = Array.from({ length: SEEDS - 1 }, drawSeed);
  const plan = planWaves(offering, installs, [drawSeed(), ...others]);
  return { seed: plan.seed, lines: describePlan(offering, plan, installs) };
}

export function drawSeed(): string {
  return randomBytes(16).toString('hex');
}

const PAGE = 1_000;

/**
 * The installs that follow a track, with what they say that they are; null where the server cannot be asked, or is one of before
 * that tells neither.
 */
export async function readKnownInstalls(
  session: Session,
  track: string | null,
): Promise<{ readonly installs: readonly KnownInstall[]; readonly more: boolean } | null> {
  return await unlessAway(session, async (server) => {
    const { entries, more } = await listAll(`/api/v1/instances?limit=${PAGE}`, async (path) => {
      const page = await server.page(path, instancesReply);
      return { ...page, value: page.value.instances };
    });
    if (entries.length > 0 && entries.every((entry) => entry.track === undefined)) return null;
    const installs = entries.map(({ id, track: its = null, facts }) => {
      // What a server of tomorrow tells beyond that is no class of today.
      const read = classFacts.safeParse(facts);
      return { id, track: its, facts: read.success ? read.data : null };
    });
    return { installs: installs.filter((one) => track === null || one.track === track), more };
  });
}
