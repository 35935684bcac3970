// The programs as executables: what nobody can slip into them, and the work of a fleet done by them alone.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isListening } from '../../agent/adapters/drivers/traffic/tcp-table.ts';
import { AGENT_UNIT } from '../../agent/adapters/machine/agent-unit.ts';
import { HOST } from '../../scripts/packaging/programs.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { runBooted } from '../support/booted.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { hasEarlierExecutable, makeEarlierExecutable } from '../support/earlier-executable.ts';
import {
  committed,
  type EarlierStatus,
  releaseAnew,
  startEarlier,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';
import { freePort } from '../support/free-port.ts';
import { beginStory, bootAgain, enrolmentFor, PROGRAM, watchBriefly } from '../support/installed-story.ts';
import {
  becomesThatOfToday,
  installEarlier,
  isPatchedThoughFrozen,
  outlivesItsRemoval,
} from '../support/replaced-story.ts';

const BUILD = new URL('../../scripts/build.ts', import.meta.url).pathname;
const PATIENCE_MS = 300_000;
const DEBUGGER = 9229;
/** Of the vendor's own work in it: seconds. */
const FORCED_MS = 60_000;
/** A build puts everything at one place, for which it needs a mount namespace. */
const canBuild =
  spawnSync('unshare', ['--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user']), 'true'])
    .status === 0;
/** Built before, or by this test. */
const given = process.env.FAIRLEAD_EXECUTABLES;

/** Those for arm64, where they were built and are to be tried on this machine. */
const foreign = process.env.FAIRLEAD_EXECUTABLES_ARM64;
const FOREIGN_LIBRARIES = '/usr/aarch64-linux-gnu';

it.skipIf(foreign === undefined)(
  'an executable for arm64 starts where qemu-user plays that processor',
  {
    timeout: PATIENCE_MS,
  },
  () => {
    for (const name of ['fairlead', 'fairlead-server', 'fairlead-vendor']) {
      const path = join(foreign ?? '', name);
      const run = (word: string) =>
        spawnSync('qemu-aarch64', ['-L', FOREIGN_LIBRARIES, path, word], { encoding: 'utf8' });

      expect(run('--version').stdout).toMatch(/^\d+\.\d+\.\d+/);
      // The first stage knows the version; the second is the program.
      expect(run('--help').stdout).toContain(`Usage: ${name} `);
    }
  },
);

const isBooted = process.env.FAIRLEAD_BOOTED !== undefined;

const describeInstalled = () =>
  it('enrols, deploys, comes back when it hangs and when the machine boots, and goes', async () => {
    const story = await beginStory(given ?? '');
    const file = await enrolmentFor(story.earlier);

    story.type('agent', 'install', '--enroll-file', file);
    watchBriefly(story.earlier);
    await story.runs('1.3.8');
    const first = await story.pid();

    process.kill(first, 'SIGSTOP');
    const second = await story.comesBackAfter(first);
    await story.runs('1.3.8');
    bootAgain();
    await story.comesBackAfter(second);
    await story.runs('1.3.8');
    await releaseAnew(story.earlier, createOfflineEdition().editor, '1.3.9');
    await story.runs('1.3.9');
    // Nothing is taken away in the middle of a change.
    await committed(story.earlier.json, 2);
    const left = story.type('agent', 'uninstall');

    expect(await story.pid()).toBe(0);
    expect(existsSync(`/etc/systemd/system/${AGENT_UNIT}`)).toBe(false);
    expect(left).toContain('rm -r');
  });

/** One that was made of an earlier commit: with it, what is told is how it becomes the one of today. */
const before = process.env.FAIRLEAD_EARLIER_EXECUTABLE;

const describeReplaced = (executable: string) =>
  it('becomes the next, is asked by both, is patched though frozen, and goes on after a removal', async () => {
    const programs = given ?? '';
    const replaced = await installEarlier(programs, executable);

    // It came later: the earlier agent says that it does not know, and the earlier command has no such word.
    const unknown = expect.stringContaining('facts list: exit status 2');
    expect(await replaced.ask(join(programs, 'fairlead'))).toEqual([unknown]);
    await becomesThatOfToday(replaced, programs);
    expect(await replaced.ask(PROGRAM)).toEqual([unknown]);
    expect(await isPatchedThoughFrozen(replaced)).toBeLessThan(FORCED_MS);
    await outlivesItsRemoval(replaced, programs);
  });

const isUnable = !canBuild && given === undefined;
if (isBooted)
  describe('an executable that is installed', { timeout: PATIENCE_MS }, () =>
    before === undefined ? describeInstalled() : describeReplaced(before),
  );
else
  describe.skipIf(isUnable)('an executable', { timeout: PATIENCE_MS }, () => {
    let programs = given ?? '';
    let out = '';

    beforeAll(() => {
      if (given !== undefined) return;
      // Whoever boots has a /tmp of its own.
      out = mkdtempSync('/var/tmp/fairlead-executables-');
      const words = [
        BUILD,
        '--executables-only',
        '--out',
        out,
        '--program',
        'fairlead',
        '--program',
        'fairlead-server',
      ];
      const { stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      programs = join(out, HOST);
      spawnSync('ln', ['-s', 'fairlead-server', join(programs, 'fairlead-vendor')]);
    }, PATIENCE_MS);
    afterAll(() => rmSync(out, { recursive: true, force: true }));

    it('runs no code that its surroundings name', () => {
      const directory = temporaryDirectory();
      const traces = join(directory, 'traces');
      const intruder = join(directory, 'intruder.cjs');
      writeFileSync(intruder, `require('node:fs').appendFileSync(${JSON.stringify(traces)}, process.argv0)`);
      const env = {
        ...process.env,
        NODE_OPTIONS: `--require ${intruder}`,
        NODE_REPL_EXTERNAL_MODULE: intruder,
      };

      for (const name of ['fairlead', 'fairlead-server', 'fairlead-vendor']) {
        for (const words of [['--version'], ['--help'], ['--require', intruder, '--version'], [intruder]]) {
          spawnSync(join(programs, name), [...words], { env, cwd: directory });
          spawnSync(join(programs, name), [`--node-options=--require=${intruder}`, ...words], { env });
        }
      }

      expect(existsSync(traces)).toBe(false);
    });

    it('keeps its promises as a service', ({ skip }) =>
      runBooted(import.meta.filename, skip, { FAIRLEAD_EXECUTABLES: programs }));

    it.skipIf(!canBuild || !hasEarlierExecutable)(
      'takes the place of one of an earlier commit, and understands it',
      async ({ skip }) => {
        const directory = mkdtempSync('/var/tmp/fairlead-earlier-');
        onTestFinished(() => rmSync(directory, { recursive: true }));
        const FAIRLEAD_EARLIER_EXECUTABLE = makeEarlierExecutable(directory);
        const surroundings = { FAIRLEAD_EXECUTABLES: programs, FAIRLEAD_EARLIER_EXECUTABLE };

        await runBooted(import.meta.filename, skip, surroundings);
      },
    );

    it('keeps a public port when it is started by its whole path, and opens no other at a signal', async () => {
      const directory = temporaryDirectory();
      const [publicPort, port] = [await freePort(), await freePort()];
      const route = join(directory, 'route.json');
      writeFileSync(route, JSON.stringify({ address: '127.0.0.1', publicPort, port }));
      const passing = spawn(join(programs, 'fairlead'), ['agent', 'switch', route], { stdio: 'ignore' });
      const pid = passing.pid ?? 0;
      await until(async () => ((await isListening(pid, publicPort)) ? true : null));

      // Node's answer to it: a debugger for every account of the machine.
      process.kill(pid, 'SIGUSR1');
      spawnSync(join(programs, 'fairlead'), ['--help']);

      expect(await isListening(pid, DEBUGGER)).toBe(false);
      passing.kill('SIGKILL');
    });

    it('serves, publishes, listens, deploys and goes back, without a file beside it', async () => {
      const earlier = (await unpackEarlier()).withPrograms(programs);
      await startEarlier(earlier);
      const { editor } = createOfflineEdition();
      const version = async () => {
        const { components } = await earlier.json<EarlierStatus>('status');
        return components.find(({ component }) => component === editor.component)?.version;
      };
      const before = await version();

      await releaseAnew(earlier, editor, '1.3.8');
      await committed(earlier.json, 8);
      const after = await version();
      await earlier.run('fairlead', 'rollback', '--reason', 'errors', '--yes');
      await committed(earlier.json, 9);
      const style = await fetch(`http://127.0.0.1:${earlier.port}/docs/page.css`);

      expect([after, await version()]).toEqual(['1.3.8', before]);
      expect(await style.text()).toContain('color-scheme');
    });
  });
