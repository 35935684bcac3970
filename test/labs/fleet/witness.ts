// The witness: sees the truth of every install, which no server does, and tells what became of the fleet.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Install, InstallFacts } from './ports.ts';
import type { Time } from './time.ts';
import type { SimulatedRelease } from './vendor.ts';

export interface Witness {
  readonly onRecord: (install: Install, record: DeploymentRecord) => void;
  readonly onChange: (install: Install) => void;
  /** From here on whoever starts this release counts as having taken it, and is healed once it runs well without it. */
  watchBad(release: SimulatedRelease, isBadOn?: (facts: InstallFacts) => boolean): void;
  /** From here on whoever commits this release is noted. */
  watchGood(release: SimulatedRelease): void;
  /** This install was harmed by other means, and is healed once it runs well. */
  noteHarm(install: Install): void;
  /** When each install took what is bad for the first time. */
  readonly took: ReadonlyMap<Install, EpochMs>;
  readonly reached: ReadonlyMap<Install, EpochMs>;
  readonly harmed: ReadonlyMap<Install, EpochMs>;
  /** When those that were harmed were well again, and stayed so. */
  readonly healed: ReadonlyMap<Install, EpochMs>;
}

export function createWitness(time: Time): Witness {
  const bad = new Map<string, (facts: InstallFacts) => boolean>();
  const isBad = (install: Install, digest: string) => bad.get(digest)?.(install.facts) === true;
  const good = new Set<string>();
  const took = new Map<Install, EpochMs>();
  const reached = new Map<Install, EpochMs>();
  const harmed = new Map<Install, EpochMs>();
  const healed = new Map<Install, EpochMs>();

  const note = (moments: Map<Install, EpochMs>, install: Install) => {
    if (!moments.has(install)) moments.set(install, time.now());
  };

  function onChange(install: Install): void {
    if (!harmed.has(install)) return;
    if (isWell(install, isBad)) note(healed, install);
    else healed.delete(install);
  }

  return {
    ...{ took, reached, harmed, healed, onChange },
    onRecord(install, { state, generation }) {
      const runs = install.disk.generations.get(generation)?.manifest.components ?? [];
      if (state === 'starting' && runs.some(({ release }) => isBad(install, release))) {
        note(took, install);
        note(harmed, install);
      }
      if (state === 'committed' && runs.some(({ release }) => good.has(release))) note(reached, install);
    },
    watchBad: ({ digest }, isBadOn = () => true) => void bad.set(digest, isBadOn),
    watchGood: ({ digest }) => void good.add(digest),
    noteHarm(install) {
      note(harmed, install);
      onChange(install);
    },
  };
}

/** Everything that should run does, none of it is bad, and it can be reached. */
function isWell(install: Install, isBad: (install: Install, digest: string) => boolean): boolean {
  const { disk } = install;
  const current = disk.current === null ? undefined : disk.generations.get(disk.current);
  const healthy = install.healthy();
  if (current === undefined || healthy === null || install.isSilent()) return false;
  const { components } = current.manifest;
  return components.every(
    ({ component, version, release }) =>
      !isBad(install, release) && healthy.includes(`${component}@${version}`),
  );
}
