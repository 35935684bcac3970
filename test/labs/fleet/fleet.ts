// A simulated fleet: many installs, one server, and a witness of what becomes of them.
import type { Catalog } from '../../../shared/compile/releases.ts';
import { type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import { type InstanceConfig, instanceConfig } from '../../../shared/schema/instance.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { createMemoryDisk, type MemoryDisk } from '../../support/memory-deployments.ts';
import { createRandom } from '../faults/suite.ts';
import { createInstall } from './install.ts';
import type { Fate } from './machine.ts';
import type { Install, InstallFacts, SimulatedServer } from './ports.ts';
import { createServer } from './server.ts';
import { createTime, type Time } from './time.ts';
import { releaseOf, rolloutOf, type SimulatedRelease } from './vendor.ts';
import { createWitness, type Witness } from './witness.ts';

export interface Fleet extends Pick<FleetOptions, 'waves' | 'orderWaves'> {
  readonly time: Time;
  readonly server: SimulatedServer;
  readonly installs: readonly Install[];
  readonly witness: Witness;
  /** What a release does where it is started, from here on. */
  setFate(release: SimulatedRelease, fateOn: (facts: InstallFacts) => Fate): void;
}

export interface FleetOptions {
  readonly count: number;
  readonly seed: number;
  /** The server judges, and halts. */
  readonly isGuarded: boolean;
  /** In which the vendor offers its releases, as typed. */
  readonly waves: string;
  readonly orderWaves: string;
  readonly skewOf?: (random: () => number) => number;
}

/** When the vendor acts; an hour before, everybody has found the fleet's first releases. */
export const START: EpochMs = instantMs('2026-03-02T10:00:00Z');

export const APP = 'core/app';
const FIRST = [
  releaseOf(APP, '1.0.0'),
  releaseOf('core/db', '1.0.0'),
  releaseOf('analytics/ingest', '1.0.0'),
];
const SYSTEMS = ['debian:12', 'debian:13', 'ubuntu:24', 'rhel:9', 'rocky:9'] as const;
const REGIONS = ['eu-west', 'eu-north', 'us-east', 'us-west', 'ap-south'] as const;
const BEFORE_MS = 3_600_000;

/** Every install runs the first releases, healthy, when it returns. */
export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const { count, seed, isGuarded, waves, orderWaves } = options;
  const random = createRandom(seed);
  const time = createTime(START - BEFORE_MS);
  const fates = new Map<string, (facts: InstallFacts) => Fate>();
  const installs: Install[] = [];
  const first: Catalog = {
    releases: FIRST,
    rollouts: FIRST.map((release) => rolloutOf(release, { start: START - 30 * 86_400_000, seed: 'first' })),
    ...{ advisories: [], halts: [] },
  };
  const server = createServer({ time, isGuarded, first, installs: () => installs });
  const witness = createWitness(time);
  const create = (disk: MemoryDisk, config: InstanceConfig) => {
    const own = createRandom(Math.floor(random() * 2 ** 32));
    return createInstall(factsOf(own, options, config), {
      ...{ time, server, disk, chance: own, onRecord: witness.onRecord, onChange: witness.onChange },
      fateOf: (release, facts) => fates.get(release)?.(facts) ?? {},
    });
  };
  // One of each configuration goes through its first deployment; the others are restored from its disk.
  const models = CONFIGURATIONS.map((config) => create(createMemoryDisk(), config));
  await time.playUntil(START - BEFORE_MS / 2);
  for (const model of models) model.losePower(Number.POSITIVE_INFINITY);
  for (let i = 0; i < count; i++) {
    const model = models[Math.floor(random() * models.length)] as Install;
    installs.push(create(copyOf(model.disk), model.facts.config));
  }
  await time.playUntil(START);
  const setFate: Fleet['setFate'] = ({ document: { suite, name, version } }, fateOn) =>
    void fates.set(`${suite}/${name}@${version}`, fateOn);
  return { time, server, installs, witness, waves, orderWaves, setFate };
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const { generations, records, trees } = disk;
  return {
    ...createMemoryDisk(),
    ...{ generations: new Map(generations), records: new Map(records), trees: new Set(trees) },
    current: disk.current,
  };
}

function factsOf(
  random: () => number,
  { skewOf = () => 0 }: FleetOptions,
  config: InstanceConfig,
): InstallFacts {
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const hex = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const [a, b, c] = [hex(), hex(), hex()];
  return {
    id: `${a}-${b.slice(0, 4)}-4${b.slice(5)}-8${c.slice(1, 4)}-${hex()}${c.slice(4)}`,
    ...{ os: pick(SYSTEMS), arch: 'x64' },
    region: pick(REGIONS),
    config,
    policy: DEFAULT_POLICY,
    skewMs: skewOf(random),
  };
}

const CONFIGURATIONS: readonly InstanceConfig[] = [{ core: {} }, { core: {}, analytics: {} }].map((suites) =>
  instanceConfig.parse({ schema: 'fairlead/instance@1', suites }),
);
