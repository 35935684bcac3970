// The scenarios: what the vendor does, what goes wrong, and what must hold in the end.

import { parseWaves } from '../../../server/vendor/core/waves.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import { wavePosition } from '../../../shared/compile/waves.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { MAX_HALT_MS } from '../../../shared/schema/rollout.ts';
import { APP, type Fleet, type FleetOptions, START } from './fleet.ts';
import {
  ALL_HEALED,
  FEW_AND_EARLY_TOOK_IT,
  FEW_TOOK_IT,
  FIFTEEN_TOOK_IT,
  type Goal,
  NEARLY_ALL_REACHED,
  NOT_STOPPED,
  STOPPED,
  TENTH_TOOK_IT,
  TWELFTH_TOOK_IT,
  type Watched,
} from './outcome.ts';
import type { Install, InstallFacts } from './ports.ts';
import { haltOf, orderOf, releaseOf, rolloutOf, type SimulatedRelease } from './vendor.ts';

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
const SECOND_FIX = releaseOf(APP, '1.0.2');
const NEXT_FIX = releaseOf(APP, '1.1.1');

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
    name: 'server down',
    what: 'nobody reaches the server for two hours, after everybody was offered a good forced patch with a deadline in six',
    hours: 9,
    play(fleet) {
      const deadline = START + 6 * HOUR;
      order(fleet, FIX, deadline);
      each(fleet, START + HOUR, fleet.installs, (install) => install.cutNetwork());
      each(fleet, START + 3 * HOUR, fleet.installs, (install) => install.restoreNetwork());
      return watchGood(fleet, { release: FIX, deadline });
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
    what: 'a good forced patch, in the waves of an order, with a deadline in four hours',
    hours: 5,
    play(fleet) {
      const deadline = START + 4 * HOUR;
      order(fleet, FIX, deadline);
      return watchGood(fleet, { release: FIX, deadline });
    },
    goals: [NOT_STOPPED, NEARLY_ALL_REACHED, ALL_HEALED],
  },
  {
    name: 'bricking fix',
    what: 'a forced patch whose health check fails; six hours later the vendor orders another one, due in a day',
    hours: 26,
    play(fleet) {
      const deadline = START + 24 * HOUR;
      fleet.setFate(FIX, () => ({ failsAfterMs: 0 }));
      order(fleet, FIX, deadline);
      fleet.time.at(START + 6 * HOUR, () => order(fleet, SECOND_FIX, deadline));
      return { ...watchBad(fleet, FIX), ...watchGood(fleet, { release: SECOND_FIX, deadline }) };
    },
    goals: [FEW_TOOK_IT, STOPPED, ALL_HEALED, NEARLY_ALL_REACHED],
  },
  {
    name: 'leak',
    what: 'a release that fails forty minutes after its start, long after it was committed',
    hours: 26,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 40 * MINUTE }));
      offer(fleet, NEXT);
      return watchBad(fleet, NEXT);
    },
    goals: [FEW_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'late leak',
    what: 'a release that fails five hours after its start, when a tenth has it; at the eighth hour the vendor orders a fix',
    hours: 26,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 5 * HOUR }));
      offer(fleet, NEXT);
      fleet.time.at(START + 8 * HOUR, () => order(fleet, NEXT_FIX, START + 12 * HOUR));
      return watchBad(fleet, NEXT);
    },
    goals: [TENTH_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'cuts network',
    what: 'a release that cuts its install off, with a health check that notices nothing: a person must mend each',
    hours: 50,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ cutsNetworkAfterMs: MINUTE }));
      offer(fleet, NEXT);
      return watchBad(fleet, NEXT);
    },
    goals: [FIFTEEN_TOOK_IT, STOPPED],
  },
  {
    name: 'class',
    what: 'a release that bricks one operating system of five; the others go on, and get it within the day',
    hours: 26,
    play(fleet) {
      const isBadOn = ({ os }: InstallFacts) => os === 'rhel:9';
      fleet.setFate(NEXT, (facts) => (isBadOn(facts) ? { failsAfterMs: 0 } : {}));
      offer(fleet, NEXT);
      fleet.witness.watchBad(NEXT, isBadOn);
      return { bad: NEXT, ...watchGood(fleet, { release: NEXT, among: (facts) => !isBadOn(facts) }) };
    },
    goals: [FIFTEEN_TOOK_IT, STOPPED, ALL_HEALED, NEARLY_ALL_REACHED],
  },
  {
    name: 'hidden halt',
    what: 'a release that bricks; somebody on the line shows a third of the fleet the repository of its first minute for ever',
    hours: 50,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 0 }));
      offer(fleet, NEXT);
      fleet.server.freezeFor(thirdOf(fleet), 'line');
      return watchBad(fleet, NEXT);
    },
    goals: [TWELFTH_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'hostile server',
    what: 'the same by whoever has the server and its keys, so that nothing expires: it can hide a halt, and no more',
    hours: 50,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 0 }));
      offer(fleet, NEXT);
      fleet.server.freezeFor(thirdOf(fleet), 'server');
      return watchBad(fleet, NEXT);
    },
    goals: [STOPPED, ALL_HEALED],
  },
  {
    name: 'wrong clocks',
    what: 'a release that bricks, in a fleet of which one install in fifty has a clock that is up to three days wrong',
    hours: 50,
    fleet: {
      skewOf: (random) => (random() < 0.02 ? Math.round((random() - 0.5) * 6 * 24 * HOUR) : 0),
    },
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 0 }));
      offer(fleet, NEXT);
      return watchBad(fleet, NEXT);
    },
    goals: [FEW_AND_EARLY_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'lifted halt',
    what: 'a release that bricks; whoever sees its halt lifts it half an hour later, and the next wave comes at the first hour',
    hours: 50,
    play(fleet) {
      fleet.setFate(NEXT, () => ({ failsAfterMs: 0 }));
      offer(fleet, NEXT);
      fleet.time.at(START + 30 * MINUTE, () => fleet.server.publish((known) => ({ ...known, halts: [] })));
      return watchBad(fleet, NEXT);
    },
    goals: [TENTH_TOOK_IT, STOPPED, ALL_HEALED],
  },
  {
    name: 'halted patch',
    what: 'a good forced patch; whoever has a halts key halts it at once, and again every day',
    hours: 76,
    play(fleet) {
      const deadline = START + 73 * HOUR;
      order(fleet, FIX, deadline);
      for (let day = 0; day < 4; day++) fleet.time.at(START + day * 24 * HOUR, () => haltByHand(fleet, FIX));
      return watchGood(fleet, { release: FIX, deadline });
    },
    goals: [NEARLY_ALL_REACHED, ALL_HEALED],
  },
];

function offer({ server, installs, ...fleet }: Fleet, release: SimulatedRelease, waves = fleet.waves): void {
  const rollout = rolloutOf(release, { start: START, waves, seed: drawSeed(installs, waves) });
  server.publish((known) => withRelease(known, release, { rollouts: [...known.rollouts, rollout] }));
}

const MOST_DRAWS = 1_000;

/** The lot decides who is in which wave, and is drawn again while the first is empty, or one is larger than it should be. */
function drawSeed(installs: readonly Install[], text: string): string {
  const waves = parseWaves(text);
  for (let draw = 1; draw <= MOST_DRAWS; draw++) {
    const seed = `draw ${draw}`;
    const positions = installs.map(({ facts }) => wavePosition(seed, facts.id));
    const reached = waves.map(({ percent }) => positions.filter((position) => position < percent).length);
    const isFair = waves.every(
      ({ percent }, i) => (reached[i] ?? 0) <= Math.max(1, (installs.length * percent) / 100),
    );
    if (isFair && reached[0] !== 0) return seed;
  }
  throw new Error(`no waves of ${text} in ${MOST_DRAWS} draws`);
}

/** In the place of the one before: an advisory has one id for as long as the hole is open. */
function order({ server, installs, time, ...fleet }: Fleet, fix: SimulatedRelease, deadline: EpochMs): void {
  const waves = fleet.orderWaves;
  const advisory = orderOf(fix, { published: time.now(), deadline, waves, seed: drawSeed(installs, waves) });
  server.publish((known) => withRelease(known, fix, { advisories: [advisory] }));
}

/** For as long as a halt may last, in the place of the one before. */
function haltByHand({ server, time }: Fleet, { digest }: SimulatedRelease): void {
  const [issued, expires] = [formatInstant(time.now()), formatInstant(time.now() + MAX_HALT_MS)];
  const halt = haltOf({ digest, reason: 'by hand', issued, expires, classes: null });
  server.publish((known) => ({ ...known, halts: [halt] }));
}

function thirdOf({ installs }: Fleet): readonly Install[] {
  return installs.filter((_, i) => i % 3 === 0);
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
