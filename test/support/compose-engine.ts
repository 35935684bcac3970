// A real container engine for tests that run under a booted systemd, and an image that needs no registry.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ImageArchive } from './compose-units.ts';
import { until } from './driver-contract.ts';
import { savedImage } from './image-archive.ts';

const CACHE = new URL('../../node_modules/.cache/', import.meta.url).pathname;
/** Where `scripts/install-engine` puts them: Debian 13's Docker with the compose plugin, and Debian 12's Docker. */
const DOCKER_26 = `${CACHE}engine/usr/.`;
const DOCKER_20 = `${CACHE}engine-20.10/usr/.`;
const INSTALLED = succeeds('dockerd', '--version') && succeeds('docker', 'compose', 'version');

/** `containerd` is Docker with its images in the store of containerd, which new installations have since version 29. */
export type EngineName = 'docker-20.10' | 'classic' | 'containerd' | 'podman';

/** Why there is none on this machine; null where there is. */
export function lackOf(name: EngineName): string | null {
  const has = existsSync(DOCKER_26) || (INSTALLED && name !== 'docker-20.10');
  if (!has || (name === 'docker-20.10' && !existsSync(DOCKER_20))) {
    return 'needs Docker with the compose plugin: on a Debian, scripts/install-engine unpacks one for it';
  }
  return name === 'podman' && !succeeds('podman', '--version') ? 'needs podman on the machine' : null;
}

export interface Engine {
  readonly image: ImageArchive & { readonly manifest: string };
  start(): Promise<void>;
  /** As a crash or an upgrade does. */
  kill(): Promise<void>;
  /** From its next start it keeps images elsewhere, or where it kept them first. */
  move(place: 'elsewhere' | 'back'): void;
  /** How it calls the image now. */
  idOf(image: Engine['image']): string;
  /** Leaves no room on the engine's disk until the function that comes back is called. */
  fillDisk(): () => void;
}

/** `directory` takes all it writes. */
export async function createEngine(directory: string, name: EngineName): Promise<Engine> {
  const programs = [DOCKER_26, ...(name === 'docker-20.10' ? [DOCKER_20] : [])].filter(existsSync);
  for (const one of programs) run('cp', '--recursive', '--symbolic-link', '--force', one, '/usr/local/');
  if (name === 'podman') process.env.DOCKER_HOST = 'unix:///run/podman.sock';
  const root = join(directory, 'engine');
  mkdirSync(root);
  run('mount', '-t', 'tmpfs', '-o', 'size=256M', 'engine', root);
  let running: ChildProcess;
  let place: 'elsewhere' | 'back' = 'back';
  const engine: Engine = {
    image: makeImage(directory),
    async start() {
      running = await (name === 'podman'
        ? startPodman(directory, join(root, place))
        : startDocker(directory, root, isContainerd()));
    },
    move(to) {
      place = to;
    },
    idOf: ({ digest, manifest }) => (isContainerd() ? manifest : digest),
    async kill() {
      const gone = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGKILL');
      await gone;
    },
    fillDisk() {
      const ballast = join(root, 'ballast');
      const { bavail, bsize } = statfsSync(root);
      run('fallocate', '--length', String((bavail - 16) * bsize), ballast);
      return () => void run('rm', ballast);
    },
  };
  const isContainerd = () => (name === 'containerd') === (place === 'back') && name !== 'docker-20.10';
  await engine.start();
  return engine;
}

/** No firewall and no route out: both belong to the machine around. */
async function startDocker(directory: string, root: string, isContainerd: boolean): Promise<ChildProcess> {
  const configuration = join(directory, 'daemon.json');
  writeFileSync(
    configuration,
    JSON.stringify(isContainerd ? { features: { 'containerd-snapshotter': true } } : {}),
  );
  const driver = isContainerd ? 'native' : 'vfs';
  const words = ['--config-file', configuration, '--data-root', root, '--storage-driver', driver];
  const off = ['--iptables=false', '--ip6tables=false', '--ip-forward=false'];
  return startService(directory, 'dockerd', [...words, ...off]);
}

/**
 * Its healthchecks are run by systemd, each as a podman of its own: what it is told stands where all of them read it. Runtime
 * and first process are Docker's, and no process is counted: its own ask for rights and controllers that a machine within a
 * machine may not have.
 */
function startPodman(directory: string, root: string): Promise<ChildProcess> {
  const configuration = {
    containers: '[containers]\npids_limit = 0\n[engine]\nruntime = "runc"\n',
    storage: `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${join(directory, 'podman')}"\n`,
  };
  for (const place of ['/etc/containers', '/usr/libexec/podman']) mkdirSync(place, { recursive: true });
  for (const [name, text] of Object.entries(configuration)) {
    writeFileSync(`/etc/containers/${name}.conf`, text);
  }
  run('ln', '--symbolic', '--force', '/usr/local/bin/tini-static', '/usr/libexec/podman/catatonit');
  const service = ['system', 'service', '--time', '0', 'unix:///run/podman.sock'];
  return startService(directory, 'podman', service);
}

async function startService(
  directory: string,
  program: string,
  words: readonly string[],
): Promise<ChildProcess> {
  const log = openSync(join(directory, 'engine.log'), 'a');
  const env = { ...process.env, DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE: '1' };
  const engine = spawn(program, words, { stdio: ['ignore', log, log], env });
  const answers = async () => succeeds('docker', 'version') || engine.exitCode !== null;
  await until(answers, 30_000);
  expect(engine.exitCode, readFileSync(join(directory, 'engine.log'), 'utf8').slice(-2000)).toBe(null);
  return engine;
}

/** An image of this machine's own shell, so that nothing has to be downloaded; the same archive for every engine. */
function makeImage(directory: string): Engine['image'] {
  const programs = ['/bin/sh', '/bin/sleep'];
  const libraries = programs.flatMap((program) => run('ldd', program).match(/\/\S+/g) ?? []);
  const files = new Set([...programs, ...libraries].map((path) => path.slice(1)));
  const layer = join(directory, 'rootfs.tar');
  run('tar', '--create', '--dereference', '--directory=/', `--file=${layer}`, ...files);
  return savedImage(join(directory, 'image.tar'), readFileSync(layer));
}

/**
 * A directory for the PATH whose `docker` kills the agent that calls it with `word`, and works on after a while. It
 * writes nothing then: a broken pipe would end it by chance.
 */
export function makeKiller(directory: string, word: string): string {
  const real = run('which', 'docker');
  const orphan = `kill -KILL $PPID; sleep 3; exec ${real} "$@" > /dev/null 2>&1`;
  const script = `#!/bin/sh\ncase " $* " in *" ${word} "*) ${orphan} ;; esac\nexec ${real} "$@"\n`;
  mkdirSync(directory);
  writeFileSync(join(directory, 'docker'), script, { mode: 0o755 });
  return directory;
}

/** What it wrote; the test fails unless it exits with 0. */
export function run(program: string, ...words: readonly string[]): string {
  const result = spawnSync(program, words, { encoding: 'utf8' });
  expect(result.status, result.stderr).toBe(0);
  return result.stdout.trim();
}

function succeeds(program: string, ...words: readonly string[]): boolean {
  return spawnSync(program, words).status === 0;
}
