// How long a failed update keeps a real application away: from the failing probe to the previous version serving, beside its own start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createProcessDriver } from '../../agent/adapters/drivers/process/process-driver.ts';
import { createProber } from '../../agent/adapters/machine/run-command.ts';
import { createTreeStore } from '../../agent/adapters/tree-store/tree-store.ts';
import type { Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import type { Prober } from '../../agent/ports/machine.ts';
import { hexOf } from '../../shared/encoding/digest.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../support/deploy-releases.ts';
import { freePort } from '../support/free-port.ts';
import { realInstance } from '../support/real-instance.ts';
import { beyondStart } from './comparisons.ts';
import { provide } from './corpus.ts';
import { type Figures, formatMs, median } from './figures.ts';
import { interleave, ROUNDS } from './rounds.ts';
import { runTreeAct } from './trees.ts';

const GOAL_MS = 300;
const START_LIMIT_MS = 60_000;

/** Between a question that was not answered well and the next: who asks all the time slows who starts. */
const PACE_MS = 25;

/** Asks as the agent does, whoever started the application. */
const PROBER: Prober = {
  async probe(probe, signal) {
    const result = await createProber().probe(probe, signal);
    if (!result.healthy) await setTimeout(PACE_MS);
    return result;
  },
};

/** Two releases of an application and how each is started; `${settings.port}` is the port it must listen on, `${dir.data}` where it writes. */
interface RealApplication {
  readonly name: string;
  /** Directories with the release that serves, and with the next one. */
  readonly serving: string;
  readonly next: string;
  readonly exec: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly path: string;
}

export async function measureRollback(work: string): Promise<Figures> {
  const rows: (readonly string[])[] = [];
  for (const application of [await nodeRed(), await verdaccio(work)]) {
    const { starts, backs } = await failInTurns(application, join(work, `rollback-${rows.length}`));
    const took = backs.map(({ tookMs }) => tookMs);
    const beyond = beyondStart(`the way back of ${application.name}`, starts, took);
    const more = median(beyond);
    const parts = [backs.map(({ stoppedMs }) => stoppedMs), backs.map(({ startedMs }) => startedMs)];
    rows.push([
      ...[application.name, ...[starts, took, ...parts].map((times) => formatMs(median(times)))],
      `${formatMs(more)} (${formatMs(Math.min(...beyond))} – ${formatMs(Math.max(...beyond))})`,
      `${formatMs(GOAL_MS)}${more > GOAL_MS ? ', missed' : ''}`,
    ]);
  }
  return {
    title: 'Rollback of a real application',
    note:
      'From the probe that failed the update to the previous version healthy again (two good answers), with nothing but the local disk, every file of it ' +
      `verified as always; in turns with the same tree started by itself until two good answers, ${ROUNDS} rounds, both asked by the agent’s own probe, ` +
      `${PACE_MS} ms after an answer that was not good. Of the way back, the part until the failed version had ended, its own end included, and that until the ` +
      'previous one was started. What is beyond is the difference of a round.',
    head: [
      'application',
      'its own start',
      'the way back',
      '– ended',
      '– started',
      'beyond its start',
      'goal',
    ],
    rows,
  };
}

async function nodeRed(): Promise<RealApplication> {
  const [from, to] = ['node-red@4.0.8', 'node-red@4.0.9'];
  const options = ['--userDir', '${dir.data}', '--port', '${settings.port}', '-D', 'uiHost=127.0.0.1'];
  const program = [process.execPath, 'node_modules/node-red/red.js'];
  const exec = [...program, ...options, '-D', 'telemetry.enabled=false'];
  const [serving, next] = [await provide(from), await provide(to)];
  return { name: from, serving, next, exec, env: {}, path: '/settings' };
}

async function verdaccio(work: string): Promise<RealApplication> {
  const [from, to] = ['verdaccio@6.10.3', 'verdaccio@6.10.4'];
  const config = {
    storage: './storage',
    uplinks: {},
    packages: { '**': { access: '$all' } },
    web: { enable: false },
  };
  const configured = async (name: string) => {
    const directory = join(work, name);
    // What the corpus holds stays as it is locked.
    cpSync(await provide(name), directory, { recursive: true, verbatimSymlinks: true });
    writeFileSync(join(directory, 'config.yaml'), JSON.stringify(config));
    return directory;
  };
  const options = ['--config', 'config.yaml', '--listen', '127.0.0.1:${settings.port}'];
  const exec = [process.execPath, 'node_modules/verdaccio/bin/verdaccio', ...options];
  // Beside the configuration, which is in the tree, it would be drift.
  const env = { VERDACCIO_STORAGE_PATH: '${dir.data}' };
  return {
    name: from,
    serving: await configured(from),
    next: await configured(to),
    exec,
    env,
    path: '/-/ping',
  };
}

async function failInTurns(application: RealApplication, stateDir: string) {
  const port = await freePort();
  const { trees, serving, next } = await storeOf(application, stateDir);
  const last = { stopped: 0, started: 0 };
  const driver = noting(createProcessDriver({ stateDir }), last);
  const { deployer, deploy, warnings } = realInstance(stateDir, { trees, driver, prober: PROBER });
  const good = deployableFor(application, { version: '1.0.0', tree: serving, port, answers: true });
  if ((await deploy(good)).state !== 'committed') throw new Error(`${application.name} does not start here`);
  let failure = 0;
  const failOnce = async () => {
    const version = `1.0.${++failure}`;
    return timesBack(
      await deploy(deployableFor(application, { version, tree: next, port, answers: false })),
      last,
    );
  };
  const directory = trees.directoryOf(serving.digest);
  try {
    const backs: TimesBack[] = [];
    const [starts = []] = await interleave([
      { name: 'its own start', run: () => startAlone(application, directory, join(stateDir, 'alone')) },
      { name: 'the way back', run: async () => backs.push(await failOnce()) },
    ]);
    if (warnings.length > 0)
      throw new Error(`${application.name} was not left whole`, { cause: warnings[0] });
    return { starts, backs };
  } finally {
    const [running] = await deployer.health();
    if (running?.status.kind === 'running' && running.status.pid !== null)
      process.kill(-running.status.pid, 'SIGKILL');
  }
}

/** The agent's own store, which takes packs from beside the state directory as if they were fetched. */
async function storeOf({ serving, next }: RealApplication, stateDir: string) {
  const packs = `${stateDir}-packs`;
  for (const directory of [stateDir, packs]) mkdirSync(directory);
  const pack = async (directory: string): Promise<TreeRef> => {
    const file = join(packs, 'new');
    const { ref } = await runTreeAct('pack', directory, file);
    renameSync(file, join(packs, hexOf(ref.digest)));
    return ref;
  };
  const trees = createTreeStore({ stateDir, fetchPack: (tree, file) => link(join(packs, tree), file) });
  return { trees, serving: await pack(serving), next: await pack(next) };
}

/** Until it answered well twice, as the agent waits. */
async function startAlone(
  { name, exec, env, path }: RealApplication,
  directory: string,
  data: string,
): Promise<number> {
  const port = String(await freePort());
  mkdirSync(data, { recursive: true });
  const fill = (text: string) => text.replace('${settings.port}', port).replace('${dir.data}', data);
  const [program = '', ...words] = exec.map(fill);
  const own = Object.fromEntries(Object.entries(env).map(([key, text]) => [key, fill(text)]));
  const url = `http://127.0.0.1:${port}${path}`;
  const probe = { kind: 'http', url, expect: 200, contains: null, timeoutMs: 5_000 } as const;
  const begun = performance.now();
  const options = { cwd: directory, env: { ...process.env, ...own }, stdio: 'ignore' } as const;
  const child = spawn(program, words, options);
  const { signal } = new AbortController();
  try {
    for (let good = 0; good < 2; ) {
      if (performance.now() - begun > START_LIMIT_MS || child.exitCode !== null)
        throw new Error(`${name} does not start here by itself`);
      good = (await PROBER.probe(probe, signal)).healthy ? good + 1 : 0;
    }
    return performance.now() - begun;
  } finally {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await ended;
  }
}

/** By the clock of the records, when a service was last stopped and last started. */
function noting(
  driver: Driver<ProgramUnit>,
  last: { stopped: number; started: number },
): Driver<ProgramUnit> {
  return {
    ...driver,
    stop: (...words) => driver.stop(...words).finally(() => Object.assign(last, { stopped: Date.now() })),
    start: (...words) => driver.start(...words).finally(() => Object.assign(last, { started: Date.now() })),
  };
}

/** From the probe that failed the update on. */
interface TimesBack {
  readonly stoppedMs: number;
  readonly startedMs: number;
  readonly tookMs: number;
}

function timesBack(
  record: DeploymentRecord,
  { stopped, started }: Readonly<Record<'stopped' | 'started', number>>,
): TimesBack {
  const entered = (state: string) =>
    Date.parse(record.stages.find((stage) => stage.state === state)?.at ?? '');
  if (record.state !== 'rolled-back') throw new Error(`the update ended ${record.state}, not rolled-back`);
  const failed = entered('rolling-back');
  return {
    stoppedMs: stopped - failed,
    startedMs: started - failed,
    tookMs: entered('rolled-back') - failed,
  };
}

interface Version {
  readonly version: string;
  readonly tree: TreeRef;
  readonly port: number;
  readonly answers: boolean;
}

function deployableFor(
  { exec, env, path }: RealApplication,
  { version, tree, port, answers }: Version,
): Deployable {
  const probe = { startPeriod: answers ? 'PT60S' : 'PT1S', interval: 'PT0S', successes: 2, failures: 2 };
  const release = releaseOf(AUTH, version, {
    tree,
    service: { driver: 'process', exec, env },
    settings: { port: { type: 'integer' } },
    health: [{ http: `http://127.0.0.1:\${settings.port}${answers ? path : '/no-such-page'}`, ...probe }],
    smoke: [],
    hooks: {},
  });
  return deployableOf({ [AUTH]: release }, { [AUTH]: { port } });
}
