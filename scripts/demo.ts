// The demo's entry: reads the options, prepares both products in the background, plays the story, cleans up.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { stopApplications } from './demo-story/agent-steps.ts';
import type { Application, Edition, PreparedVersion } from './demo-story/applications.ts';
import { createOfflineEdition } from './demo-story/offline-edition.ts';
import { createRegistryEdition } from './demo-story/registry-edition.ts';
import { createStage, type Stage } from './demo-story/stage.ts';
import * as story from './demo-story/story.ts';
import { durationSince, formatSummary, type Timing } from './demo-story/summary.ts';
import { DemoFailure } from './demo-story/terminal.ts';

const USAGE = `Usage: scripts/demo [--dir DIR] [--offline]

Runs Fairlead's whole job on this machine, over loopback only: a vendor publishes releases, an agent deploys them,
stays frozen, is forced through a critical patch, and rolls back a release that fails.

  --dir DIR   keep everything below DIR: DIR/vendor, DIR/server, DIR/agent, DIR/apps, DIR/logs
  --offline   use two small applications from this repository instead of packages from the npm registry
  --help      print this
`;
const MARKER = '.fairlead-demo';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { dir: { type: 'string' }, offline: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const directory = await openDirectory(values.dir);
  const assets = join(import.meta.dirname, 'demo-story', 'assets');
  const edition = values.offline === true ? createOfflineEdition() : createRegistryEdition(assets);
  const stage = await createStage(directory, edition, prepareAhead(edition, join(directory, 'apps')));
  try {
    await play(stage);
    return 0;
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error;
    console.error(`\nThe demo did not do what it says: ${error.message}\nLogs: ${join(directory, 'logs')}`);
    return 1;
  } finally {
    await stopApplications(stage).catch(() => undefined);
    await stage.close();
    if (values.dir === undefined && process.exitCode === undefined)
      await rm(directory, { recursive: true, force: true });
  }
}

async function play(stage: Stage): Promise<void> {
  const timings: Timing[] = [];
  const timed = async <T>(what: string, chapter: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await chapter();
    timings.push({ what, ms: performance.now() - start });
    return result;
  };
  await timed('set up: server, keys, empty repository', () => story.setUp(stage));
  await timed('two first releases: published, deployed, completed', () => story.deployFirstReleases(stage));
  const waiting = await timed('an ordinary release published and not applied', () => story.stayFrozen(stage));
  await timed('forced patch: published to committed', () => story.beForced(stage));
  await timed('two ordinary updates: published, deployed, completed', () =>
    story.updateAgain(stage, waiting),
  );
  await timed('a failing release: published to rolled back', () => story.failAndComeBack(stage));
  await story.proveIt(stage);
  const records = await stage.changes();
  const rolledBack = records.find((record) => record.state === 'rolled-back');
  const back = rolledBack === undefined ? null : durationSince(rolledBack, 'rolling-back');
  if (back !== null)
    timings.push({ what: 'rollback: from the failing probe to the previous version healthy', ms: back });
  stage.terminal.chapter('What was deployed, when, and why');
  stage.terminal.say(formatSummary(records, timings));
}

/** Installs every version in the background, two at a time, in the order in which the story needs them. */
function prepareAhead(edition: Edition, directory: string): Stage['prepared'] {
  const { editor, registry } = edition;
  const order: readonly (readonly [Application, string])[] = [
    [editor, editor.vulnerable],
    [registry, registry.first],
    [editor, editor.ordinary],
    [editor, editor.fixed],
    [registry, registry.second],
    [registry, registry.broken],
  ];
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  const ready = new Map<string, Promise<PreparedVersion>>();
  for (const [index, [application, version]] of order.entries()) {
    const name = `${application.component.replace('/', '-')}-${version}`;
    const lane = index % lanes.length;
    const work = (lanes[lane] ?? Promise.resolve()).then(() =>
      application.prepare(version, join(directory, name)),
    );
    lanes[lane] = work.catch(() => undefined);
    work.catch(() => undefined);
    ready.set(`${application.component}@${version}`, work);
  }
  return (application, version) => {
    const work = ready.get(`${application.component}@${version}`);
    if (work === undefined) throw new DemoFailure(`nobody prepared ${application.component}@${version}`);
    return work;
  };
}

/** A new temporary directory, or `--dir`: empty, or a former demo's, which starts afresh. */
async function openDirectory(given: string | undefined): Promise<string> {
  if (given === undefined) return mkdtemp(join(tmpdir(), 'fairlead-demo-'));
  const directory = resolve(given);
  await mkdir(directory, { recursive: true });
  const entries = await readdir(directory);
  if (entries.length > 0 && !existsSync(join(directory, MARKER))) {
    throw new DemoFailure(`${directory} is not empty and no demo's: choose another --dir`);
  }
  for (const entry of entries) await rm(join(directory, entry), { recursive: true, force: true });
  await writeFile(join(directory, MARKER), '');
  return directory;
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    console.error(error instanceof DemoFailure ? error.message : error);
    process.exitCode = 1;
  },
);
