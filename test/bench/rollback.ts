// How long a failed update keeps a real application away: from the failing probe to the previous version serving, beside its own start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../support/deploy-releases.ts';
import { freePort } from '../support/free-port.ts';
import { realInstance, treeDirectory } from '../support/real-instance.ts';
import { provide } from './corpus.ts';
import { type Figures, formatMs, median } from './figures.ts';
import { interleave, ROUNDS } from './rounds.ts';

const GOAL_MS = 300;
const START_LIMIT_MS = 60_000;

/** An installed application and how it is started; `${settings.port}` is the port it must listen on, `${dir.data}` where it writes. */
interface RealApplication {
  readonly name: string;
  readonly directory: string;
  readonly exec: readonly string[];
  readonly path: string;
}

export async function measureRollback(work: string): Promise<Figures> {
  const rows: (readonly string[])[] = [];
  for (const application of [await nodeRed(), await verdaccio(work)]) {
    const place = join(work, `rollback-${application.name.split('@')[0]}`);
    const { starts, backs } = await failInTurns(application, place);
    const beyond = backs.map((ms, round) => ms - (starts[round] ?? Number.NaN));
    const more = median(beyond);
    rows.push([
      ...[application.name, ...[starts, backs].map((times) => formatMs(median(times)))],
      `${formatMs(more)} (${formatMs(Math.min(...beyond))} – ${formatMs(Math.max(...beyond))})`,
      `${formatMs(GOAL_MS)}${more > GOAL_MS ? ', missed' : ''}`,
    ]);
  }
  return {
    title: 'Rollback of a real application',
    note:
      'From the probe that failed the update to the previous version healthy again (two good answers), with nothing but the local disk; ' +
      `in turns with the application started by itself until two good answers, ${ROUNDS} rounds. What is beyond is the difference of a round.`,
    head: ['application', 'its own start', 'the way back', 'beyond its start', 'goal'],
    rows,
  };
}

async function nodeRed(): Promise<RealApplication> {
  const options = ['--userDir', '${dir.data}', '--port', '${settings.port}', '-D', 'uiHost=127.0.0.1'];
  const program = [process.execPath, 'node_modules/node-red/red.js'];
  const exec = [...program, ...options, '-D', 'telemetry.enabled=false'];
  const [name, directory] = ['node-red@4.0.9', await provide('node-red@4.0.9')];
  return { name, directory, exec, path: '/settings' };
}

async function verdaccio(work: string): Promise<RealApplication> {
  const [name, directory] = ['verdaccio@6.10.4', join(work, 'verdaccio')];
  // What the corpus holds stays as it is locked.
  cpSync(await provide(name), directory, { recursive: true, verbatimSymlinks: true });
  const config = {
    storage: './storage',
    uplinks: {},
    packages: { '**': { access: '$all' } },
    web: { enable: false },
  };
  writeFileSync(join(directory, 'config.yaml'), JSON.stringify(config));
  const options = ['--config', 'config.yaml', '--listen', '127.0.0.1:${settings.port}'];
  const exec = [process.execPath, 'node_modules/verdaccio/bin/verdaccio', ...options];
  return { name, directory, exec, path: '/-/ping' };
}

async function failInTurns(application: RealApplication, stateDir: string) {
  const port = await freePort();
  const { deployer, deploy } = realInstance(stateDir);
  const versionOf = (version: string, answers: boolean) => deployableFor(application, version, port, answers);
  const provideTree = (deployable: Deployable) => linkTree(stateDir, deployable, application.directory);
  const good = versionOf('1.0.0', true);
  provideTree(good);
  if ((await deploy(good)).state !== 'committed') throw new Error(`${application.name} does not start here`);
  let failure = 0;
  const failOnce = async () => {
    const bad = versionOf(`1.0.${++failure}`, false);
    provideTree(bad);
    return timeBack(await deploy(bad));
  };
  try {
    const [starts = [], backs = []] = await interleave([
      { name: 'its own start', run: () => startAlone(application, join(stateDir, 'alone')) },
      { name: 'the way back', run: failOnce },
    ]);
    return { starts, backs };
  } finally {
    const [running] = await deployer.health();
    if (running?.status.kind === 'running' && running.status.pid !== null)
      process.kill(-running.status.pid, 'SIGKILL');
  }
}

/** Until it answered well twice, asked without a pause as the probe asks. */
async function startAlone({ name, directory, exec, path }: RealApplication, data: string): Promise<number> {
  const port = String(await freePort());
  mkdirSync(data, { recursive: true });
  const [program = '', ...words] = exec.map((word) =>
    word.replace('${settings.port}', port).replace('${dir.data}', data),
  );
  const begun = performance.now();
  const child = spawn(program, words, { cwd: directory, stdio: 'ignore' });
  const answersWell = () =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      ({ ok }) => ok,
      () => false,
    );
  try {
    for (let good = 0; good < 2; ) {
      if (performance.now() - begun > START_LIMIT_MS || child.exitCode !== null)
        throw new Error(`${name} does not start here by itself`);
      if (await answersWell()) good += 1;
      else await setTimeout(1);
    }
    return performance.now() - begun;
  } finally {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await ended;
  }
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
