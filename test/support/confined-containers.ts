// Stands for an agent under the strict unit whose services are containers: it installs one release, updates it, and goes back from a third.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createDrivers } from '../../agent/adapters/drivers/drivers.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { startWatchdog } from '../../agent/adapters/machine/watchdog.ts';
import type { Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import type { ImageArchive } from './compose-units.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from './deploy-releases.ts';
import { realInstance, treeDirectory } from './real-instance.ts';

/** The third ends as soon as it runs. */
const VERSIONS: Readonly<Record<string, string>> = {
  '1.0.0': 'exec sleep 1000',
  '2.0.0': 'exec sleep 2000',
  '3.0.0': 'sleep 0.5; exit 3',
};

export function releaseOfContainers(version: string, digest: string): Deployable {
  const images = [{ archive: 'image.tar', digest }];
  const service = { driver: 'compose', file: 'compose.yaml', images };
  const smoke = [{ exec: ['test', '-f', 'compose.yaml'] }];
  return deployableOf({ [AUTH]: releaseOf(AUTH, version, { service, health: [], smoke, hooks: {} }) });
}

export function archiveOf(stateDir: string, { releases }: Deployable): string {
  const { document } = releases.get(AUTH) ?? {};
  if (document === undefined) throw new TypeError('it was given one');
  return join(treeDirectory(stateDir, document.tree.digest), 'image.tar');
}

/** Puts the files of all three where the store of trees would. */
export function storeContainers(stateDir: string, { archive, digest }: ImageArchive): void {
  for (const [version, script] of Object.entries(VERSIONS)) {
    const image = archiveOf(stateDir, releaseOfContainers(version, digest));
    const directory = dirname(image);
    mkdirSync(directory, { recursive: true });
    copyFileSync(archive, image);
    const command = ['sh', '-c', `echo ${version}; trap "exit 0" TERM; ${script}`];
    const web = { image: digest, network_mode: 'none', init: true, command };
    writeFileSync(join(directory, 'compose.yaml'), JSON.stringify({ services: { web } }));
  }
}

const [, program, digest = '', , stateDir = ''] = process.argv;
if (program === import.meta.filename) {
  const driver = createDrivers({ stateDir, clock: systemClock, enabled: ['compose'] });
  const { deployer, deploy } = realInstance(stateDir, {
    driver: driver as Driver as Driver<ProgramUnit>,
  });
  await deployer.recover();
  startWatchdog({ environment: process.env, lives: () => true, onError: console.error });
  for (const version of Object.keys(VERSIONS).slice((await deployer.records()).length)) {
    const record = await deploy(releaseOfContainers(version, digest));
    writeFileSync(`${stateDir}/outcome-${version}`, `${record.state} ${record.failure?.message ?? ''}`);
  }
  await deployer.supervise(new AbortController().signal);
}
