// A capability whose versions stand side by side on a real machine. Run as a program it deploys one, so that a test can
// kill it.
import { AUTH, type Deployable, deployableOf, releaseOf } from './deploy-releases.ts';
import { freePort } from './free-port.ts';
import { realInstance, storeTree } from './real-instance.ts';

export interface Ports {
  readonly port: number;
  readonly blue: number;
  readonly green: number;
}

/** A broken one answers, but not what its probe waits for; a weak one is sick after its third client. */
export type Health = 'good' | 'broken' | 'weak';

export async function freePorts(): Promise<Ports> {
  return { port: await freePort(), blue: await freePort(), green: await freePort() };
}

/** Stored and ready to deploy. */
export async function sideBySide(
  stateDir: string,
  version: string,
  ports: Ports,
  health: Health = 'good',
  service: { readonly driver: 'process' | 'systemd'; readonly user?: string } = { driver: 'process' },
): Promise<Deployable> {
  const integer = { type: 'integer' };
  const isBroken = health === 'broken';
  const document = releaseOf(AUTH, version, {
    service: {
      ...service,
      exec: [process.execPath, 'server.cjs', version, ...(health === 'weak' ? ['3'] : [])],
      env: { PORT: '${settings.port}' },
      blueGreen: { public: 'port', slots: ['blue', 'green'], drain: 'PT1S' },
    },
    settings: { port: integer, blue: integer, green: integer },
    health: [
      {
        http: 'http://127.0.0.1:${settings.port}/',
        contains: isBroken ? 'something else' : `auth ${version}`,
        startPeriod: isBroken ? 'PT1S' : 'PT1M',
        interval: 'PT0S',
        successes: 2,
        failures: 3,
      },
    ],
    smoke: [],
    hooks: {},
  });
  const deployable = deployableOf({ [AUTH]: document }, { [AUTH]: { ...ports } });
  await storeTree(stateDir, deployable);
  return deployable;
}

const [, program, stateDir, version, ports] = process.argv;
if (program === import.meta.filename && stateDir !== undefined && version !== undefined) {
  const { deployer, deploy } = realInstance(stateDir);
  await deployer.recover();
  await deploy(await sideBySide(stateDir, version, JSON.parse(ports ?? '{}')));
}
