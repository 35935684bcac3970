// Containers: the gap that a client sees in an update, beside the ways that people know; and what is promised on which engine, by the tests themselves.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Gaps } from './containers-machine.ts';
import { type Figures, formatMb, formatMs, median } from './figures.ts';

const ROOT = join(import.meta.dirname, '../..');
const ENGINE = join(ROOT, 'node_modules/.cache/engine/usr');
const ROUNDS = 3;

/** Errors: no systemd can be booted here; no engine was unpacked. */
export async function measureContainers(): Promise<Figures> {
  if (!existsSync(ENGINE)) throw new Error('it takes an engine: scripts/install-engine');
  // The machine that is booted has a /tmp of its own.
  const work = mkdtempSync('/var/tmp/fairlead-bench-');
  try {
    return figuresOf(measureIn(work));
  } finally {
    rmSync(work, { recursive: true });
  }
}

function measureIn(work: string): Gaps {
  const machine = join(import.meta.dirname, 'containers-machine.ts');
  const script = [
    `cp --recursive --symbolic-link --force ${ENGINE}/. /usr/local/`,
    `mount -t tmpfs -o size=8G bench ${work} && chmod 711 ${work}`,
    `exec ${process.execPath} ${machine} ${work} ${ROUNDS}`,
  ];
  const printed = execFileSync('test/support/boot-systemd', ['bash', '-c', script.join(' && ')], {
    ...{ cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    env: { PATH: process.env.PATH, TMPDIR: '/srv' },
  });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
}

function figuresOf({ imageBytes, start, fairlead, compose, oneByOne }: Gaps): Figures {
  const own = median(start);
  const row = (name: string, gaps: readonly number[]) => [
    ...[name, formatMs(median(gaps)), formatMs(Math.max(...gaps)), formatMs(Math.max(0, median(gaps) - own))],
  ];
  return {
    title: 'The gap of an update of containers',
    note:
      `One service, an image of ${formatMb(imageBytes)} in which a file changes, Docker 26 with the compose plugin, ${ROUNDS} updates each way in one run. A client asks every 50 ms: the gap is from the last answer before to the first of the next version. ` +
      'Fairlead loads the image, tries it and probes the service, all in the deployment that is measured; the others find it loaded, as after a pull, and look at nothing. ' +
      'Goal: 1.5 s beyond the service’s own start, which is that of a container that is there.',
    head: ['what', 'median', 'worst', 'beyond its own start'],
    rows: [
      ['the service’s own start', formatMs(own), formatMs(Math.max(...start)), '–'],
      row('Fairlead', fairlead),
      row('`docker compose pull && docker compose up -d`', compose),
      row('stop, remove, create, start, as watchtower', oneByOne),
    ],
  };
}

const TESTS = 'test/agent/adapters/drivers/compose-engines.test.ts';
const ENGINES: Readonly<Record<string, string>> = {
  'docker-20.10': 'Docker 20.10',
  classic: 'Docker 26, its own store',
  containerd: 'Docker 26, containerd’s store',
  podman: 'Podman 4.3',
};

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** Error: an engine that cannot be started here, with what it says. */
export async function measureEngines(): Promise<Figures> {
  const results: ReadonlyMap<string, string>[] = [];
  for (const engine of Object.keys(ENGINES)) results.push(await resultsOn(engine));
  const titles = [...new Set(results.flatMap((one) => [...one.keys()]))];
  return {
    title: 'Containers on every engine',
    note:
      `Each row is a test of \`${TESTS}\`, run on every engine under a systemd booted for it, with compose 2.26 in front. ` +
      'Podman has Docker’s runtime here, and counts no processes.',
    head: ['what is promised', ...Object.values(ENGINES)],
    rows: titles.map((title) => [title, ...results.map((one) => one.get(title) ?? '–')]),
  };
}

async function resultsOn(engine: string): Promise<ReadonlyMap<string, string>> {
  const report = '/tmp/report.json';
  const tests = `vitest run --config test/vitest.config.ts --reporter json --outputFile ${report} ${TESTS}`;
  const env = { PATH: process.env.PATH, FAIRLEAD_BOOTED: '1', FAIRLEAD_ENGINE: engine, TMPDIR: '/srv' };
  const words = ['bash', '-c', `${tests} >&2; cat ${report}`];
  const { stdout } = await promisify(execFile)('test/support/boot-systemd', words, {
    ...{ cwd: ROOT, env, maxBuffer: 64 << 20 },
  });
  const { testResults }: Report = JSON.parse(stdout);
  const found = testResults.flatMap(({ assertionResults }) => assertionResults);
  if (found.length === 0) throw new Error(`${engine}: none of its tests ran`);
  return new Map(found.map(({ title, status }) => [title, status === 'passed' ? 'yes' : status]));
}
