// An update whose trees come as patches over HTTP: interrupted, it ends old or new, and the next one comes as patches again.
import type { Instance, Scenario } from './laboratory.ts';
import { ownPacks } from './pack-line.ts';
import { PATCHED_ONE, PATCHED_THREE, PATCHED_TWO } from './patched-releases.ts';
import { deployTo } from './releases.ts';
import { USUAL } from './scenario.ts';

export const PATCHED: Scenario = {
  ...USUAL,
  name: 'patched',
  history: [PATCHED_ONE],
  packs: ownPacks,
  act: deployTo(PATCHED_TWO),
  // A patch that was of no use is no fault of the release.
  broken: async ({ deployer }) => {
    const held = await deployer.quarantine();
    return held.map(({ component }) => `${component} is quarantined`);
  },
  next: arriveAndGoOn,
};

/** What did not arrive is tried again by the next round; what comes after it starts at what is then there. */
async function arriveAndGoOn(instance: Instance): Promise<void> {
  const current = await instance.deployer.current();
  if (current?.manifest.components[0]?.version !== '1.1.0') {
    const { id, state } = await deployTo(PATCHED_TWO)(instance);
    if (state !== 'committed') throw new Error(`change ${id} ends ${state} when it is tried again`);
  }
  const { fetched = [] } = await deployTo(PATCHED_THREE)(instance);
  const ways = fetched.map(({ way, instead = '' }) => `${way} ${instead}`.trim());
  if (ways.join() !== 'patch,patch') throw new Error(`the next trees come as ${ways}`);
}
