// Stands for the agent under a service manager: a real engine that deploys one update, watched by the watchdog.
import { startWatchdog } from '../../agent/adapters/machine/watchdog.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from './deploy-releases.ts';
import { realInstance, realRelease } from './real-instance.ts';

/** As `realRelease`, with a smoke test of one's own. */
export function updateTestedBy(port: number, smoke: string): Deployable {
  const { document } = realRelease('2.0.0', port).releases.get(AUTH) ?? {};
  const { service, settings, health } = document ?? {};
  const exec = ['sh', '-c', smoke];
  const release = releaseOf(AUTH, '2.0.0', { service, settings, health, smoke: [{ exec }], hooks: {} });
  return deployableOf({ [AUTH]: release }, { [AUTH]: { port } });
}

const [, program, port, smoke, , stateDir] = process.argv;
if (program === import.meta.filename && smoke !== undefined && stateDir !== undefined) {
  startWatchdog({ environment: process.env, lives: () => true, onError: console.error });
  const { deployer, deploy } = realInstance(stateDir);
  await deployer.recover();
  if ((await deployer.records()).length === 1) await deploy(updateTestedBy(Number(port), smoke));
  await deployer.supervise(new AbortController().signal);
}
