// An agent of an earlier commit under a real service manager: it becomes the one of today, is patched though it is frozen, and its update outlives a removal.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createAgentSlots } from '../../agent/adapters/machine/agent-slots.ts';
import { AGENT_UNIT } from '../../agent/adapters/machine/agent-unit.ts';
import { digestOfFile } from '../../agent/adapters/machine/file-digest.ts';
import { runTool } from '../../agent/adapters/machine/run-tool.ts';
import type { Application } from '../labs/demo/applications.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { committed, releaseAnew, until } from './earlier-install.ts';
import { beginStory, enrolmentFor, type InstalledStory, PROGRAM } from './installed-story.ts';

const OWN = 'tools/agent';
const { editor } = createOfflineEdition();

/** Whatever an operator only asks. */
const QUESTIONS = [
  ...['status', 'changes', 'change 1', 'explain', 'check', 'plan', 'advisories', 'outbox', 'proposals'],
  ...['policy show', 'policy check', 'pin list', 'window list', 'approver list', 'approvals list'],
  ...['settings list tools/notes-editor', 'allow list', 'verify', 'audit verify', 'facts list', 'doctor'],
];

const treeOf = (version: string, directory: string) => join(directory, `agent-${version}`);

const agentOf = (executable: string, more = ''): Application =>
  ({
    component: OWN,
    prepare: async (version: string, directory: string) => {
      const tree = treeOf(version, directory);
      mkdirSync(tree, { recursive: true });
      copyFileSync(executable, join(tree, 'fairlead'));
      // Another build is other bytes: what is behind its end, no executable reads.
      appendFileSync(join(tree, 'fairlead'), more);
      const manifest = { service: { driver: 'agent', exec: ['./fairlead'] }, reversible: 'yes' };
      return { directory: tree, manifest };
    },
  }) as unknown as Application;

export interface Replaced {
  readonly story: InstalledStory;
  readonly stateDir: string;
  /** What the unit starts, when the release of this version of the agent is committed as this change. */
  runs(change: number, version: string): Promise<void>;
  /** What each of the questions ends with that does not end well. */
  ask(program: string): Promise<readonly string[]>;
}

/** The earlier executable is installed, and runs the product and nothing else. */
export async function installEarlier(programs: string, executable: string): Promise<Replaced> {
  const story = await beginStory(programs, executable);
  const { directory, json } = story.earlier;
  const stateDir = join(directory, 'installed');
  const instance = JSON.parse(readFileSync(join(stateDir, 'instance.json'), 'utf8'));
  instance.suites.tools.capabilities.agent = {};
  writeFileSync(join(stateDir, 'instance.json'), JSON.stringify(instance));
  const settings = readFileSync(join(directory, 'agent/settings.json'), 'utf8');
  writeFileSync(join(stateDir, 'settings.json'), settings.replace('"PT5M"', '"PT1S"'));
  story.type('agent', 'install', '--enroll-file', await enrolmentFor(story.earlier));
  await committed(json, 1);
  return {
    ...{ story, stateDir },
    async runs(change, version) {
      await committed(json, change);
      const { current, notes } = await createAgentSlots(stateDir).read();
      const released = await digestOfFile(join(treeOf(version, join(directory, 'new')), 'fairlead'));
      expect(current === null ? null : notes[current]?.digest).toBe(released);
    },
    async ask(program) {
      const answers = QUESTIONS.map(async (question) => {
        const argv = [program, ...question.split(' '), '--json', '--state-dir', stateDir];
        const env = { PATH: '/usr/bin:/bin' };
        const { status, detail } = await runTool({ argv, env, workingDirectory: '/', timeoutMs: 60_000 });
        return status === 0 ? [] : [`${question}: ${detail}`];
      });
      return (await Promise.all(answers)).flat();
    },
  };
}

/** By a release of the vendor. */
export async function becomesThatOfToday({ story, runs }: Replaced, programs: string): Promise<void> {
  await releaseAnew(story.earlier, agentOf(join(programs, 'fairlead')), '2.0.0');
  await runs(2, '2.0.0');
}

/** Answers the milliseconds from the vendor's word until the fixed version is committed here. */
export async function isPatchedThoughFrozen({ story }: Replaced): Promise<number> {
  const { earlier, type } = story;
  type('channel', 'set', 'frozen', '--reason', 'year end');
  await releaseAnew(earlier, editor, '1.3.9');
  const about = ['--id', 'FL-2026-0007', '--title', 'Token reuse', '--severity', 'critical'];
  const deadline = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, '');
  const versions = ['--affected', `${editor.component}:<1.3.9`, '--fixed', `${editor.component}@1.3.9`];
  const words = ['advisory', 'publish', ...about, '--deadline', deadline, ...versions];
  const begun = performance.now();
  await earlier.run('fairlead-vendor', ...words);
  await committed(earlier.json, 3);
  const took = performance.now() - begun;
  const { channel, components } = await earlier.json<Patched>('status');
  expect(channel).toBe('frozen');
  expect(components.find(({ component }) => component === editor.component)).toMatchObject({
    ...{ version: '1.3.9', origin: 'forced:FL-2026-0007', health: 'healthy' },
  });
  type('channel', 'set', 'auto', '--reason', 'a new year');
  return took;
}

interface Patched {
  readonly channel: string;
  readonly components: readonly { readonly component: string }[];
}

/** Killed on trial, removed as a package removes it, and put back by the executable before. */
export async function outlivesItsRemoval({ story, stateDir, runs }: Replaced, programs: string) {
  const { earlier, type } = story;
  const today = join(programs, 'fairlead');
  await releaseAnew(earlier, agentOf(today, 'built anew'), '3.0.0');
  const slots = createAgentSlots(stateDir);
  await until(async () => ((await slots.read()).wayBack === null ? null : true));
  const manager = (...words: readonly string[]) =>
    runTool({ argv: ['systemctl', ...words], env: {}, workingDirectory: '/', timeoutMs: 60_000 });
  await manager('kill', '--signal=KILL', AGENT_UNIT);
  await manager('stop', AGENT_UNIT);
  const elsewhere = ['--state-dir', '/var/lib/elsewhere'];
  const removed = await earlier.run('fairlead', 'agent', 'uninstall', ...elsewhere);
  expect(removed).toContain('was never finished');
  expect(existsSync(join(stateDir, 'agent'))).toBe(false);

  copyFileSync(today, PROGRAM);
  type('agent', 'install');

  await runs(4, '3.0.0');
}
