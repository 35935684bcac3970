// The demo's entry: reads the options, sets the stage, plays the story, and ends everything it started.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDirectory } from '../test/labs/demo/directory.ts';
import { formatIntroduction, formatLookAround } from '../test/labs/demo/guide.ts';
import { createOfflineEdition } from '../test/labs/demo/offline-edition.ts';
import { play } from '../test/labs/demo/play.ts';
import { prepareAhead } from '../test/labs/demo/prepare.ts';
import { createRegistryEdition } from '../test/labs/demo/registry-edition.ts';
import { buildPrograms, createStage, environmentFor, type Stage } from '../test/labs/demo/stage.ts';
import { formatSummary } from '../test/labs/demo/summary.ts';
import { createTerminal, DemoFailure, printToScreen } from '../test/labs/demo/terminal.ts';

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;
const USAGE = `Usage: scripts/demo [--dir DIR] [--offline] [--executable]

Runs Fairlead's whole job on this machine, over loopback only: a vendor publishes releases, an agent deploys them,
stays frozen, is forced through a critical patch, and rolls back a release that fails.

  --dir DIR     keep everything below DIR: DIR/vendor, DIR/server, DIR/agent, DIR/apps, DIR/logs
  --offline     use two small applications from this repository instead of packages from the npm registry
  --executable  build the programs as executables first, and use those
  --help        print this
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      ...{ offline: { type: 'boolean' }, executable: { type: 'boolean' }, help: { type: 'boolean' } },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const directory = await openDirectory(values.dir, console.log);
  if (values.executable === true)
    process.env.FAIRLEAD_EXECUTABLES = buildPrograms(join(directory, 'programs'));
  const env = environmentFor(directory);
  const edition = values.offline === true ? createOfflineEdition() : createRegistryEdition(env);
  console.log(formatIntroduction(directory, edition));
  const stage = await createStage({
    directory,
    edition,
    terminal: createTerminal(directory, env, printToScreen),
    prepared: prepareAhead(edition, join(directory, 'apps')),
    agentOptions: ['--soak', edition.soak],
  });
  const status = await Promise.race([tell(stage), toldToEnd()]);
  await stage.close();
  if (status !== 0) return status;
  if (values.dir !== undefined) console.log(`\n${formatLookAround(stage)}`);
  else await rm(directory, { recursive: true, force: true });
  return 0;
}

async function tell(stage: Stage): Promise<number> {
  try {
    const timings = await play(stage);
    stage.terminal.chapter('What was deployed, when, and why');
    console.log(formatSummary(await stage.changes(), timings));
    return 0;
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error;
    console.error(`\nThe demo did not do what it says: ${error.message}`);
    console.error(`Logs: ${join(stage.directory, 'logs')}`);
    return 1;
  }
}

/** The exit status of a demo that is told to end. */
function toldToEnd(): Promise<number> {
  return new Promise((resolve) => {
    for (const [signal, status] of SIGNALS) {
      process.once(signal, () => {
        console.error(`\n${signal}: ending everything the demo started`);
        // The story goes on asking for what is gone; nobody needs to hear of it.
        process.stdout.write = () => true;
        process.stderr.write = () => true;
        resolve(status);
      });
    }
  });
}

// The story of a demo that was told to end is not over: exit at once.
main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    console.error(error instanceof DemoFailure ? error.message : error);
    process.exit(1);
  },
);
