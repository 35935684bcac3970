// The mutation laboratory's entry: reads the options, runs a campaign, prints its figures, and writes them down when asked.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from '../test/labs/mutate/campaign.ts';
import { Journal } from '../test/labs/mutate/journal.ts';
import { Report } from '../test/labs/mutate/report.ts';
import { tryRequirements } from '../test/labs/mutate/try-requirements.ts';

const CHECKOUT = new URL('..', import.meta.url).pathname;
const ROOMS = [
  ...['agent/core', 'agent/engine', 'agent/adapters/drivers', 'agent/adapters/tree-store'],
  ...['server/core', 'server/db', 'server/http', 'server/vendor/core'],
];
const TARGETS = [...readdirSync(join(CHECKOUT, 'shared')).map((folder) => `shared/${folder}`), ...ROOMS];
const GOAL = 0.95;
const USAGE = `Usage: scripts/mutate [options] [FOLDER | FILE | FILE:LINE…]

Makes one small mistake at a time in a copy of the code, and runs the tests nearest to it until one fails.
A mistake that no test notices is printed. Without arguments: each folder of shared,
and ${ROOMS.join(', ')}.

  --count N      so many mutants of each folder or file (40)
  --seconds N    stop after so long (3600)
  --seed TEXT    which mutants; the same seed chooses the same ones (the last commit's hash)
  --workers N    so many copies at once (1)
  --nearest N    ask at most so many test files for a mutant (6)
  --journal FILE what was found already; a run that was cut short goes on (in the cache directory, one for each seed)
  --requirements instead: delete and negate each line that docs/requirements.md names (or those of
                 the rows given: T1 F12), and run the test beside it; ends with 1 unless each one fails
  --write        write the figures into docs/figures.md

It ends with 1 when fewer than ${GOAL * 100} % of the counted mutants were killed. Ctrl-C ends it after the mutant under way.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '40' },
      seconds: { type: 'string', default: '3600' },
      seed: { type: 'string' },
      workers: { type: 'string', default: '1' },
      nearest: { type: 'string', default: '6' },
      journal: { type: 'string' },
      requirements: { type: 'boolean' },
      write: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  setPriority(10);
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort());
  const seed = values.seed ?? lastCommit();
  const journal = values.journal ?? Journal.defaultPath(seed);
  if (values.requirements === true) {
    return (await tryRequirements(CHECKOUT, positionals, journal, console.log)) === 0 ? 0 : 1;
  }
  const targets = positionals.length === 0 ? TARGETS : positionals.map((path) => path.replace(/\/$/, ''));
  const report = new Report((line) => console.log(line));
  const numbers = {
    count: Number(values.count),
    seconds: Number(values.seconds),
    workers: Number(values.workers),
    nearest: Number(values.nearest),
  };
  await runCampaign({ checkout: CHECKOUT, targets, seed, journal, signal: ended.signal, ...numbers }, report);
  console.log(`\n${report.table()}\n\nseed ${seed}`);
  if (values.write === true) {
    await report.write(
      `scripts/mutate --count ${values.count} --seed ${seed} ${positionals.join(' ')}`.trim(),
    );
  }
  return report.share < GOAL ? 1 : 0;
}

function lastCommit(): string {
  return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: CHECKOUT, encoding: 'utf8' }).trim();
}

process.exitCode = await main();
