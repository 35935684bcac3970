// Stands for the agent under a service manager: a real engine with every driver, which installs one release and updates it.
import { writeFileSync } from 'node:fs';
import { createDrivers } from '../../agent/adapters/drivers/drivers.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { startWatchdog } from '../../agent/adapters/machine/watchdog.ts';
import type { Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import { AUTH, type Deployable, deployableOf, type Extras, releaseOf } from './deploy-releases.ts';
import { realInstance, realRelease } from './real-instance.ts';

/** Where the service manager puts what it was told to hand to the agent's unit as `key`. */
const CREDENTIAL = '/run/credentials/fairlead-agent.service/key';

/** As `realRelease`, run by any driver that runs programs, with hooks and smoke tests as the service's account. */
export function releaseRunBy(driver: string, version: string, port: number, more: Extras = {}): Deployable {
  const { document } = realRelease(version, port).releases.get(AUTH) ?? {};
  const { health } = document ?? {};
  const service = {
    ...document?.service,
    driver,
    env: { ...document?.service.env, KEY: '${settings.key}' },
    ...more,
  };
  const settings = { ...document?.settings, key: { type: 'string' as const, secret: true } };
  const smoke = [
    { exec: ['sh', '-c', 'test -f server.cjs && touch "$HOME/smoked"'] },
    { exec: [process.execPath, '--version'] },
  ];
  const hooks = {
    preflight: [{ exec: ['id'] }],
    snapshot: [{ exec: ['true'] }],
    restore: [{ exec: ['true'] }],
  };
  const release = releaseOf(AUTH, version, { service, settings, health, smoke, hooks });
  return deployableOf({ [AUTH]: release }, { [AUTH]: { port, key: `\${file:${CREDENTIAL}}` } });
}

const [, program, driver = '', user = '', port, , stateDir = ''] = process.argv;
if (program === import.meta.filename) {
  const extras = user === 'root' ? {} : { user };
  const { deployer, deploy } = realInstance(stateDir, {
    driver: createDrivers({ stateDir, clock: systemClock }) as Driver as Driver<ProgramUnit>,
  });
  await deployer.recover();
  startWatchdog({ environment: process.env, lives: () => true, onError: console.error });
  for (const version of ['1.0.0', '2.0.0'].slice((await deployer.records()).length)) {
    const record = await deploy(releaseRunBy(driver, version, Number(port), extras));
    writeFileSync(`${stateDir}/outcome-${version}`, `${record.state} ${record.failure?.message ?? ''}`);
  }
  await deployer.supervise(new AbortController().signal);
}
