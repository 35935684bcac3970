// Inside a booted machine: the agent is installed again and again, then replaces itself again and again; what it took is printed as JSON.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { instantMs } from '../../shared/encoding/instant.ts';
import type { Application } from '../labs/demo/applications.ts';
import { endProcessesOf } from '../labs/demo/leftovers.ts';
import { committed, type Earlier, releaseAnew, unpackInto, until } from '../support/earlier-install.ts';
import { enrolmentFor, PROGRAM } from '../support/installed-story.ts';

export interface Installed {
  /** From the first byte of the copy until the service is active and answers; milliseconds. */
  readonly active: readonly number[];
  /** One for each time that it replaced itself. */
  readonly updates: readonly Update[];
}

interface Update {
  /** From its plan until the new one is committed, of which the soak is `soakMs`. */
  readonly ms: number;
  /** Without an agent that has proved itself: from the end of the old one on. */
  readonly trialMs: number;
  /** Of the smallest pack that the vendor offers for it. */
  readonly bytes: number;
}

const DIRECTORY = '/srv/installed';
const OWN = 'tools/agent';

const agentOf = (executable: string): Application =>
  ({
    component: OWN,
    prepare: async (version: string, directory: string) => {
      const tree = join(directory, version);
      mkdirSync(tree, { recursive: true });
      copyFileSync(executable, join(tree, 'fairlead'));
      // Each is a build of its own.
      appendFileSync(join(tree, 'fairlead'), version);
      const manifest = { service: { driver: 'agent', exec: ['./fairlead'] }, reversible: 'yes' };
      return { directory: tree, manifest };
    },
  }) as unknown as Application;

async function measure(programs: string, before: string, runs: number): Promise<Installed> {
  mkdirSync(DIRECTORY);
  const earlier = (await unpackInto(DIRECTORY)).withPrograms(programs).withState('state');
  earlier.start('fairlead-server', 'run', '--dir', 'server', '--port', earlier.port);
  await until(() => earlier.run('fairlead-vendor', 'renew').then(() => true));
  const today = join(programs, 'fairlead');
  const active: number[] = [];
  for (let run = 0; run < runs; run++) {
    if (run > 0) await remove(earlier);
    active.push(await install(earlier, today));
  }
  const updates: Update[] = [];
  for (let run = 0; run <= runs; run++) {
    const version = `${run + 1}.0.0`;
    await releaseAnew(earlier, agentOf(run % 2 === 0 ? before : today), version);
    await committed(earlier.json, run + 1);
    // Of the first the vendor knows no version before it.
    if (run > 0) updates.push(readUpdate(run + 1));
  }
  return { active, updates };
}

async function install(earlier: Earlier, executable: string): Promise<number> {
  const state = join(DIRECTORY, 'state');
  mkdirSync(state, { mode: 0o700 });
  const instance = {
    schema: 'fairlead/instance@1',
    suites: {
      tools: {
        capabilities: { agent: {}, 'notes-editor': { enabled: false }, 'file-registry': { enabled: false } },
      },
    },
  };
  writeFileSync(join(state, 'instance.json'), JSON.stringify(instance));
  const settings = readFileSync(join(DIRECTORY, 'agent/settings.json'), 'utf8');
  writeFileSync(join(state, 'settings.json'), settings.replace('"PT5M"', '"PT1S"'));
  const file = await enrolmentFor(earlier);
  const begun = performance.now();
  copyFileSync(executable, PROGRAM);
  execFileSync(PROGRAM, ['agent', 'install', '--enroll-file', file, '--state-dir', state], {
    stdio: 'ignore',
  });
  return performance.now() - begun;
}

async function remove(earlier: Earlier): Promise<void> {
  await earlier.run('fairlead', 'agent', 'uninstall');
  for (const path of [PROGRAM, join(DIRECTORY, 'state')]) rmSync(path, { recursive: true });
}

interface Told {
  readonly stages: readonly { readonly state: string; readonly at: string }[];
}

function readUpdate(change: number): Update {
  const path = join(DIRECTORY, `state/records/${change}.json`);
  const { stages }: Told = JSON.parse(readFileSync(path, 'utf8'));
  const at = (state: string) =>
    instantMs(stages.findLast((one) => one.state === state)?.at ?? '') ?? Number.NaN;
  const packs = join(DIRECTORY, 'server/repository/packs');
  const newest =
    readdirSync(packs)
      .map((name) => join(packs, name))
      .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] ?? packs;
  const bytes = Math.min(
    ...readdirSync(newest)
      .filter((name) => !name.endsWith('.json'))
      .map((name) => statSync(join(newest, name)).size),
  );
  return { ms: at('committed') - at('planned'), trialMs: at('verifying') - at('starting'), bytes };
}

const [, program, programs = '', before = '', runs = ''] = process.argv;
if (program === import.meta.filename) {
  try {
    console.log(JSON.stringify(await measure(programs, before, Number(runs))));
  } finally {
    await endProcessesOf(DIRECTORY);
  }
}
