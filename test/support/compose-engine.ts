// A real container engine for tests that run under a booted systemd, and an image that needs no registry.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ImageArchive } from './compose-units.ts';
import { until } from './driver-contract.ts';

const INSTALLED = succeeds('dockerd', '--version') && succeeds('docker', 'compose', 'version');
/** Where `scripts/install-engine` puts one. */
const UNPACKED = new URL('../../node_modules/.cache/engine/usr/', import.meta.url).pathname;

export const canHaveEngine = INSTALLED || existsSync(UNPACKED);

/** Where an engine keeps its images: its own store, or containerd's, which new installations have since version 29. */
export type Store = 'classic' | 'containerd';

export interface Engine {
  readonly image: ImageArchive & { readonly manifest: string };
  start(): Promise<void>;
  /** As a crash or an upgrade does. */
  kill(): Promise<void>;
  /** From its next start it keeps images elsewhere. */
  use(store: Store): void;
  /** How it calls the image now. */
  idOf(image: Engine['image']): string;
  /** Leaves no room on the engine's disk until the function that comes back is called. */
  fillDisk(): () => void;
}

/** `directory` takes all it writes. */
export async function createEngine(directory: string, store: Store): Promise<Engine> {
  if (!INSTALLED) run('cp', '--recursive', '--symbolic-link', '--force', `${UNPACKED}.`, '/usr/local/');
  const root = join(directory, 'engine');
  mkdirSync(root);
  run('mount', '-t', 'tmpfs', '-o', 'size=256M', 'engine', root);
  let running: ChildProcess;
  let used = store;
  const engine = {
    async start() {
      running = await startEngine(directory, root, used);
    },
    use(next: Store) {
      used = next;
    },
    idOf: ({ digest, manifest }: Engine['image']) => (used === 'classic' ? digest : manifest),
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
  // Archives are made by the store that every engine has had so far.
  used = 'classic';
  await engine.start();
  const image = makeImage(directory);
  if (store !== used) {
    await engine.kill();
    used = store;
    await engine.start();
  }
  return { ...engine, image };
}

/** No firewall and no route out: both belong to the machine around. */
async function startEngine(directory: string, root: string, store: Store): Promise<ChildProcess> {
  const configuration = join(directory, 'daemon.json');
  const isContainerd = store === 'containerd';
  writeFileSync(configuration, JSON.stringify({ features: { 'containerd-snapshotter': isContainerd } }));
  const driver = isContainerd ? 'native' : 'vfs';
  const words = ['--config-file', configuration, '--data-root', root, '--storage-driver', driver];
  const off = ['--iptables=false', '--ip6tables=false', '--ip-forward=false'];
  const log = openSync(join(directory, 'dockerd.log'), 'a');
  const env = { ...process.env, DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE: '1' };
  const engine = spawn('dockerd', [...words, ...off], { stdio: ['ignore', log, log], env });
  await until(async () => succeeds('docker', 'version'));
  return engine;
}

/** An image of this machine's own shell, so that nothing has to be downloaded. */
function makeImage(directory: string): Engine['image'] {
  const programs = ['/bin/sh', '/bin/sleep'];
  const libraries = programs.flatMap((program) => run('ldd', program).match(/\/\S+/g) ?? []);
  const files = new Set([...programs, ...libraries].map((path) => path.slice(1)));
  const rootfs = join(directory, 'rootfs.tar');
  run('tar', '--create', '--dereference', '--directory=/', `--file=${rootfs}`, ...files);
  const digest = run('docker', 'import', '--change', 'ENV PATH=/bin', rootfs);
  const archive = join(directory, 'image.tar');
  run('docker', 'save', '--output', archive, digest);
  run('docker', 'image', 'rm', digest);
  const index = run('tar', '--extract', '--to-stdout', `--file=${archive}`, 'index.json');
  return { archive, digest, manifest: JSON.parse(index).manifests[0].digest };
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
