// Inside a booted machine with an engine: one service of 300 MB is updated again and again, by turns in three ways, while a client asks it every 50 ms; what was missed is printed as JSON.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDrivers } from '../../agent/adapters/drivers/drivers.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import type { Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import { archiveOf } from '../support/confined-containers.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../support/deploy-releases.ts';
import { type MadeArchive, savedImage } from '../support/image-archive.ts';
import { realInstance } from '../support/real-instance.ts';

export interface Gaps {
  readonly imageBytes: number;
  /** From the start of a container that is there until it answers; milliseconds, as all below. */
  readonly start: readonly number[];
  readonly fairlead: readonly number[];
  readonly compose: readonly number[];
  readonly oneByOne: readonly number[];
}

const PORT = 8085;
const POLL_MS = 50;
const [, , work = '', rounds = '3'] = process.argv;
const run = (...words: readonly string[]) => execFileSync('docker', words, { encoding: 'utf8' });

const SERVER = `const answer = (_, response) => response.end(process.argv[2]);
require('node:http').createServer(answer).listen(8080);
process.once('SIGTERM', () => process.exit());`;

/** Node itself, the server, and bytes that nothing makes smaller. */
function makeImage(version: string): MadeArchive {
  const root = join(work, 'root');
  mkdirSync(join(root, 'srv'), { recursive: true });
  if (!existsSync(join(root, 'srv/ballast'))) {
    execFileSync('dd', [
      'if=/dev/urandom',
      `of=${join(root, 'srv/ballast')}`,
      'bs=1M',
      'count=180',
      'status=none',
    ]);
  }
  writeFileSync(join(root, 'srv/server.cjs'), SERVER);
  writeFileSync(join(root, 'srv/version'), version);
  const listed = spawnSync('ldd', [process.execPath], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [];
  const files = [process.execPath, ...listed].map((path) => path.slice(1));
  const layer = join(work, 'layer.tar');
  const words = ['--create', '--dereference', `--file=${layer}`, '--directory=/', ...files];
  execFileSync('tar', [...words, `--directory=${root}`, 'srv']);
  return savedImage(join(work, `${version}.tar`), readFileSync(layer));
}

async function startEngine(): Promise<void> {
  const configuration = join(work, 'daemon.json');
  writeFileSync(configuration, '{}');
  const words = ['--config-file', configuration, '--data-root', join(work, 'engine')];
  const off = ['--iptables=false', '--ip6tables=false', '--ip-forward=false'];
  const log = openSync(join(work, 'engine.log'), 'a');
  const env = { ...process.env, DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE: '1' };
  spawn('dockerd', [...words, ...off], { stdio: ['ignore', log, log], env });
  while (spawnSync('docker', ['version']).status !== 0) await delay(100);
}

function ask(): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port: PORT, agent: false, timeout: 1_000 }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    });
    request.once('timeout', () => request.destroy()).once('error', () => resolve(null));
  });
}

async function untilAnswers(version: string): Promise<void> {
  while ((await ask()) !== version) await delay(POLL_MS);
}

/** From the last answer before `update` takes the service away to the first of the next version. */
async function gapOf(version: string, update: () => Promise<unknown>): Promise<number> {
  let last = performance.now();
  let isOver = false;
  const watched = (async () => {
    for (let missed = false; ; await delay(POLL_MS)) {
      const answer = await ask();
      const now = performance.now();
      if (answer === version) return now - last;
      if (answer !== null && !missed) last = now;
      missed ||= answer === null;
      if (isOver && now - last > 60_000) throw new Error('the service never came back');
    }
  })();
  await update();
  isOver = true;
  return watched;
}

const command = (version: string) => [process.execPath, '/srv/server.cjs', version];

function projectOf(image: string, version: string): string {
  const web = { image, command: command(version), ports: [`127.0.0.1:${PORT}:8080`] };
  return JSON.stringify({ services: { web } });
}

function releaseAt(version: string, digest: string): Deployable {
  const images = [{ archive: 'image.tar', digest }];
  const health = [
    { http: `http://127.0.0.1:${PORT}/`, contains: version, interval: 'PT0S', startPeriod: 'PT1M' },
  ];
  const service = { driver: 'compose', file: 'compose.yaml', images };
  return deployableOf({ [AUTH]: releaseOf(AUTH, version, { service, health, smoke: [], hooks: {} }) });
}

async function measureFairlead(images: readonly MadeArchive[]): Promise<number[]> {
  const stateDir = join(work, 'state');
  mkdirSync(stateDir, { recursive: true });
  const driver = createDrivers({ stateDir, clock: systemClock, enabled: ['compose'] });
  const { deploy } = realInstance(stateDir, { driver: driver as Driver as Driver<ProgramUnit> });
  const gaps: number[] = [];
  for (const [at, { archive, digest }] of images.entries()) {
    const version = `1.0.${at}`;
    const release = releaseAt(version, digest);
    const place = archiveOf(stateDir, release);
    mkdirSync(dirname(place), { recursive: true });
    execFileSync('cp', ['--reflink=auto', archive, place]);
    writeFileSync(join(dirname(place), 'compose.yaml'), projectOf(digest, version));
    const update = async () => {
      const { state, failure } = await deploy(release);
      if (state !== 'committed') throw new Error(`${state}: ${failure?.message}`);
    };
    if (at === 0) await update();
    else gaps.push(await gapOf(version, update));
  }
  run('compose', '--project-name', 'fairlead_core_auth', 'down');
  return gaps;
}

/** As `docker compose pull && docker compose up -d` with everything pulled by then. */
async function measureCompose(images: readonly MadeArchive[]): Promise<number[]> {
  const file = join(work, 'compose.json');
  const gaps: number[] = [];
  for (const [at, { archive, digest }] of images.entries()) {
    run('load', '--input', archive);
    writeFileSync(file, projectOf(digest, `2.0.${at}`));
    const up = inAnother(['compose', '--project-name', 'plain', '--file', file, 'up', '--detach']);
    if (at === 0) await up();
    else gaps.push(await gapOf(`2.0.${at}`, up));
  }
  run('compose', '--project-name', 'plain', 'down');
  return gaps;
}

/** As watchtower: stop the container, remove it, make another one and start it. */
async function measureOneByOne(
  images: readonly MadeArchive[],
): Promise<{ gaps: number[]; starts: number[] }> {
  const gaps: number[] = [];
  const starts: number[] = [];
  const create = (digest: string, version: string) => [
    'create',
    '--name',
    'plain',
    '--publish',
    `127.0.0.1:${PORT}:8080`,
    digest,
    ...command(version),
  ];
  for (const [at, { digest }] of images.entries()) {
    const version = `3.0.${at}`;
    const update = async () => {
      for (const words of [['stop', 'plain'], ['rm', 'plain'], create(digest, version), ['start', 'plain']]) {
        await inAnother(words)();
      }
    };
    if (at > 0) gaps.push(await gapOf(version, update));
    else {
      run(...create(digest, version));
      run('start', 'plain');
      await untilAnswers(version);
    }
    run('stop', 'plain');
    const start = performance.now();
    await inAnother(['start', 'plain'])();
    await untilAnswers(version);
    starts.push(performance.now() - start);
  }
  run('rm', '--force', 'plain');
  return { gaps, starts };
}

/** Without holding up the client. */
function inAnother(words: readonly string[]): () => Promise<void> {
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn('docker', words, { stdio: 'ignore' });
      child.once('exit', (status) =>
        status === 0 ? resolve() : reject(new Error(`docker ${words.join(' ')}`)),
      );
    });
}

await startEngine();
const images = Array.from({ length: Number(rounds) + 1 }, (_, at) => makeImage(`image-${at}`));
const fairlead = await measureFairlead(images);
const compose = await measureCompose(images);
const { gaps: oneByOne, starts: start } = await measureOneByOne(images);
const imageBytes = readFileSync(images[0]?.archive ?? '').length;
console.log(JSON.stringify({ imageBytes, start, fairlead, compose, oneByOne } satisfies Gaps));
process.exit();
