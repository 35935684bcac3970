// The known fleet and the seed of waves: drawn so that the first of them holds installs of every class, and told to who signs it.
import { randomBytes } from 'node:crypto';
import { count } from '../../../shared/errors/entry.ts';
import { instancesReply } from '../../../shared/protocol/fleet.ts';
import { classFacts } from '../../../shared/schema/classes.ts';
import { describePlan, type KnownInstall, type Offering, planWaves } from '../core/canaries.ts';
import type { Session } from '../workspace/passphrases.ts';
import { listAll, unlessAway } from './fleet.ts';

const SEEDS = 2_000;

/** What the server tells of the installs; null where it could not be asked. */
export interface KnownFleet {
  readonly installs: readonly KnownInstall[];
  readonly more: boolean;
}

/** In a fleet of more installs one in a hundred is somebody: waves begin with those. */
const LARGE_FLEET = 100;

export function isLarge(known: KnownFleet | null): boolean {
  return known !== null && (known.more || known.installs.length > LARGE_FLEET);
}

/** Of a rollout; any, and said so, where the server could not be asked. */
export function chooseSeed(session: Session, offering: Offering, known: KnownFleet | null): string {
  if (known === null) {
    session.out.note('canaries: not looked for, the server could not be asked which classes the fleet has');
    return drawSeed();
  }
  const { seed, lines } = bestSeed(offering, known.installs);
  if (known.more)
    session.out.note(`the first ${count(known.installs.length, 'install')} by name were looked at`);
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
export async function readKnownInstalls(session: Session, track: string | null): Promise<KnownFleet | null> {
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
