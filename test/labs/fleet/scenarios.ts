// The scenarios: what the vendor does, what goes wrong, and what must hold in the end.

import { parseWaves } from '../../../server/vendor/core/waves.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import { wavePosition } from '../../../shared/compile/waves.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { APP, type Fleet, type FleetOptions, START } from './fleet.ts';
import type { Install } from './install.ts';
import {
  ALL_HEALED,
  FEW_TOOK_IT,
  type Goal,
  NEARLY_ALL_REACHED,
  NOT_STOPPED,
  STOPPED,
  type Watched,
} from './outcome.ts';
import { orderOf, releaseOf, rolloutOf, type SimulatedRelease } from './vendor.ts';

export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** Simulated. */
  readonly hours: number;
  readonly fleet?: Pick<FleetOptions, 'skewOf'>;
  /** Plans everything that happens; time moves on only afterwards. */
  readonly play: (fleet: Fleet) => Watched;
  readonly goals: readonly Goal[];
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const NEXT = releaseOf(APP, '1.1.0');
const FIX = releaseOf(APP, '1.0.1');

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'good',
    what: 'a good release, in waves over a day',
    hours: 26,
    play(fleet) {
      offer(fleet, NEXT);
      return watchGood(fleet, { release: NEXT, deadline: START + 25 * HOUR });
    },
    goals: [NOT_STOPPED, NEARLY_ALL_REACHED, ALL_HEALED],
  },
  {
    name: 'bricks',
    what: 'a release whose health check fails from the start',
    hours: 26,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 0 }));
      offer(fleet, NEXT);
      return watchBad(fleet, NEXT);
    },
    goals: [FEW_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'crashes',
    what: 'a release that takes the machine down a minute after its start, again at every start',
    hours: 26,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ crashesMachineAfterMs: MINUTE }));
      offer(fleet, NEXT);
      return watchBad(fleet, NEXT);
    },
    goals: [FEW_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'silent region',
    what: 'a region loses its network in the middle of a good rollout, for six hours',
    hours: 32,
    play(fleet) {
      offer(fleet, NEXT);
      const cut = fleet.installs.filter(({ facts }) => facts.region === 'eu-north');
      each(fleet, START + 30 * MINUTE, cut, (install) => install.cutNetwork());
      each(fleet, START + 6.5 * HOUR, cut, (install) => install.restoreNetwork());
      return watchGood(fleet, { release: NEXT });
    },
    goals: [NOT_STOPPED, NEARLY_ALL_REACHED, ALL_HEALED],
  },
  {
    name: 'city',
    what: 'the power goes over a region while its installs deploy, and returns after ten minutes',
    hours: 26,
    play(fleet) {
      offer(fleet, NEXT, '100%');
      const city = fleet.installs.filter(({ facts }) => facts.region === 'us-east');
      each(fleet, START + 2 * MINUTE, city, (install) => {
        install.losePower(10 * MINUTE);
        fleet.witness.noteHarm(install);
      });
      return watchGood(fleet, { release: NEXT });
    },
    goals: [NOT_STOPPED, NEARLY_ALL_REACHED, ALL_HEALED],
  },
  {
    name: 'forced',
    what: 'a good forced patch, with a deadline in four hours',
    hours: 5,
    play(fleet) {
      const deadline = START + 4 * HOUR;
      order(fleet, FIX, deadline);
      return watchGood(fleet, { release: FIX, deadline });
    },
    goals: [NOT_STOPPED, NEARLY_ALL_REACHED, ALL_HEALED],
  },
];

function offer({ server, installs, ...fleet }: Fleet, release: SimulatedRelease, waves = fleet.waves): void {
  const rollout = rolloutOf(release, { start: START, waves, seed: drawSeed(installs, waves) });
  server.publish((known) => withRelease(known, release, { rollouts: [...known.rollouts, rollout] }));
}

const MOST_DRAWS = 1_000;

/** The lot decides who is in the first wave, and is drawn again while it gives one that is empty or larger than it should be. */
function drawSeed(installs: readonly Install[], waves: string): string {
  const percent = parseWaves(waves)[0]?.percent ?? 100;
  const most = Math.max(1, (installs.length * percent) / 100);
  for (let draw = 1; draw <= MOST_DRAWS; draw++) {
    const first = installs.filter(({ facts }) => wavePosition(`draw ${draw}`, facts.id) < percent).length;
    if (first > 0 && first <= most) return `draw ${draw}`;
  }
  throw new Error(`no first wave of ${percent} % in ${MOST_DRAWS} draws`);
}

function order({ server }: Fleet, fix: SimulatedRelease, deadline: EpochMs): void {
  const advisory = orderOf(fix, { published: START, deadline });
  server.publish((known) => withRelease(known, fix, { advisories: [...known.advisories, advisory] }));
}

function withRelease(known: Catalog, release: SimulatedRelease, more: Partial<Catalog>): Catalog {
  return { ...known, releases: [...known.releases, release], ...more };
}

function each(
  { time }: Fleet,
  at: EpochMs,
  installs: readonly Install[],
  act: (install: Install) => void,
): void {
  time.at(at, () => {
    for (const install of installs) act(install);
  });
}

function watchBad({ witness }: Fleet, bad: SimulatedRelease): Watched {
  witness.watchBad(bad);
  return { bad };
}

function watchGood({ witness }: Fleet, good: NonNullable<Watched['good']>): Watched {
  witness.watchGood(good.release);
  return { good };
}
