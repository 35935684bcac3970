// How long a failed update keeps a real application away: from the failing probe to the previous version serving.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../support/deploy-releases.ts';
import { freePort } from '../support/free-port.ts';
import { realInstance, treeDirectory } from '../support/real-instance.ts';
import { type Figures, formatMs, median } from './figures.ts';
import { provideNodeRed, providePackage } from './sample-tree.ts';

const FAILURES = 5;

/** An installed application and how it is started; `${settings.port}` is the port it must listen on. */
interface RealApplication {
  readonly name: string;
  readonly directory: string;
  readonly exec: readonly string[];
  readonly path: string;
}

export async function measureRollback(work: string): Promise<Figures> {
  const rows: (readonly string[])[] = [];
  for (const application of [await nodeRed(), await verdaccio()]) {
    const times = await failRepeatedly(application, join(work, `rollback-${application.name.split('@')[0]}`));
    rows.push([
      application.name,
      String(times.length),
      formatMs(median(times)),
      formatMs(Math.max(...times)),
    ]);
  }
  return {
    title: 'Rollback of a real application',
    note: 'From the probe that failed the update to the previous version healthy again (two good answers), with nothing but the local disk.',
    head: ['application', 'failed updates', 'median', 'worst'],
    rows,
  };
}

async function nodeRed(): Promise<RealApplication> {
  const { name, directory } = await provideNodeRed();
  const options = ['--userDir', '${dir.data}', '--port', '${settings.port}', '-D', 'uiHost=127.0.0.1'];
  const exec = [
    process.execPath,
    'node_modules/node-red/red.js',
    ...options,
    '-D',
    'telemetry.enabled=false',
  ];
  return { name, directory, exec, path: '/settings' };
}

async function verdaccio(): Promise<RealApplication> {
  // Its dependency node-fetch@cjs is a dist-tag that not every registry carries.
  const directory = await providePackage('verdaccio@6.1.2', { 'node-fetch': '2.6.7' });
  const config = {
    storage: './storage',
    uplinks: {},
    packages: { '**': { access: '$all' } },
    web: { enable: false },
  };
  writeFileSync(join(directory, 'config.yaml'), JSON.stringify(config));
  const options = ['--config', 'config.yaml', '--listen', '127.0.0.1:${settings.port}'];
  const exec = [process.execPath, 'node_modules/verdaccio/bin/verdaccio', ...options];
  return { name: 'verdaccio@6.1.2 with its dependencies', directory, exec, path: '/-/ping' };
}

async function failRepeatedly(application: RealApplication, stateDir: string): Promise<readonly number[]> {
  const port = await freePort();
  const { deployer, deploy } = realInstance(stateDir);
  const versionOf = (version: string, answers: boolean) => deployableFor(application, version, port, answers);
  const provide = (deployable: Deployable) => linkTree(stateDir, deployable, application.directory);
  const good = versionOf('1.0.0', true);
  provide(good);
  if ((await deploy(good)).state !== 'committed') throw new Error(`${application.name} does not start here`);
  const times: number[] = [];
  try {
    for (let failure = 1; failure <= FAILURES; failure++) {
      const bad = versionOf(`1.0.${failure}`, false);
      provide(bad);
      times.push(timeBack(await deploy(bad)));
    }
  } finally {
    const [running] = await deployer.health();
    if (running?.status.kind === 'running' && running.status.pid !== null)
      process.kill(-running.status.pid, 'SIGKILL');
  }
  return times;
}

function timeBack(record: DeploymentRecord): number {
  const entered = (state: string) =>
    Date.parse(record.stages.find((stage) => stage.state === state)?.at ?? '');
  if (record.state !== 'rolled-back') throw new Error(`the update ended ${record.state}, not rolled-back`);
  return entered('rolled-back') - entered('rolling-back');
}

function deployableFor(
  application: RealApplication,
  version: string,
  port: number,
  answers: boolean,
): Deployable {
  const probe = { startPeriod: answers ? 'PT60S' : 'PT1S', interval: 'PT0S', successes: 2, failures: 2 };
  const release = releaseOf(AUTH, version, {
    service: { driver: 'process', exec: application.exec },
    settings: { port: { type: 'integer' } },
    health: [
      { http: `http://127.0.0.1:\${settings.port}${answers ? application.path : '/no-such-page'}`, ...probe },
    ],
    smoke: [],
    hooks: {},
  });
  return deployableOf({ [AUTH]: release }, { [AUTH]: { port } });
}

/** The same files for every version: what is measured is the way back, not the fetching. */
function linkTree(stateDir: string, deployable: Deployable, directory: string): void {
  for (const { document } of deployable.releases.values()) {
    const place = treeDirectory(stateDir, document.tree.digest);
    mkdirSync(join(place, '..'), { recursive: true });
    symlinkSync(directory, place);
  }
}
