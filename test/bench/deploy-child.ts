// An install in a process of its own: it has one release running, deploys the next one from a server, and prints what that took.
import { createCommandDriver } from '../../agent/adapters/drivers/command/command-driver.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import type { EnrolmentFile } from '../../agent/adapters/server/enrolment-file.ts';
import { createServerPorts } from '../../agent/adapters/server-ports.ts';
import type { Patches } from '../../agent/adapters/tree-store/downloads.ts';
import { applyBeside } from '../../agent/adapters/tree-store/patch-beside.ts';
import { createTreeStore } from '../../agent/adapters/tree-store/tree-store.ts';
import type { Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../support/deploy-releases.ts';
import { realInstance } from '../support/real-instance.ts';
import { type Took, take } from './rounds.ts';

export interface DeployTook extends Took {
  /** By which way the files came. */
  readonly way: string;
}

const [server = '', stateDir = '', from = '', to = '', ...program] = process.argv.slice(2);
const enrolment = { server, instance: '0f0e0d0c-0b0a-4908-8706-050403020100', name: 'bench' };
const ports = await createServerPorts(enrolment as EnrolmentFile, stateDir, systemClock);
const packs = ports.packs(() => undefined);
const patches: Patches = { ...packs.patches, apply: (work, signal) => applyBeside(work, signal, program) };
const trees = createTreeStore({ stateDir, ...packs, patches });
let way = '';
const instance = realInstance(stateDir, {
  driver: createCommandDriver({
    stateDir,
    runtimeDirectory: stateDir,
    clock: systemClock,
  }) as Driver as Driver<ProgramUnit>,
  soakMs: 0,
  trees: {
    ...trees,
    async add(ref, signal) {
      const fetched = await trees.add(ref, signal);
      way = fetched?.way ?? 'nothing';
      return fetched;
    },
  },
});

await deploy(releaseWith('1.0.0', JSON.parse(from) as TreeRef));
const took = await take(() => deploy(releaseWith('1.0.1', JSON.parse(to) as TreeRef)));
await ports.close();
console.log(JSON.stringify({ ...took, way }));

async function deploy(release: Deployable): Promise<void> {
  const record = await instance.deploy(release);
  if (record.state !== 'committed')
    throw new Error(`it ended ${record.state}: ${JSON.stringify(record.failure)}`);
}

/** A service that needs no time of its own: what is measured is the deployment. It has an account of its own, as services should. */
function releaseWith(version: string, tree: TreeRef): Deployable {
  const user = process.getuid?.() === 0 ? { user: 'nobody' } : {};
  const mark = '${dir.data}/runs';
  const commands = { start: ['touch', mark], stop: ['rm', mark], status: ['test', '-f', mark] };
  const service = { driver: 'command', ...commands, ...user };
  const health = [{ exec: ['true'], interval: 'PT0S', successes: 1 }];
  return deployableOf({ [AUTH]: releaseOf(AUTH, version, { tree, service, health, smoke: [], hooks: {} }) });
}
