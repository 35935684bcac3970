// The chaos run's entry: plays the story again and again under kills, and counts what needed a repair by hand.
import { parseArgs } from 'node:util';
import { formatDuration } from '../shared/encoding/instant.ts';
import { playUnderKills } from '../test/labs/chaos/round.ts';
import { besiege } from '../test/labs/chaos/siege/besiege.ts';
import { addTallies, formatTally, NOTHING_KILLED } from '../test/labs/chaos/tally.ts';
import { printToScreen } from '../test/labs/demo/terminal.ts';

const USAGE = `Usage: scripts/chaos [--seed N] [--count N] [--verbose]
       scripts/chaos --siege [NAME...] [--verbose]

Plays the offline demo's story while SIGKILL ends the vendor's commands, the release server and the agent at random
moments. Whatever was killed is run again, and nothing else is done for it: the story must come to its end, and everything
on disk must be whole.

With --siege it attacks one real install instead: its files, its room, its time, its server; and judges after each attack.

  --seed N    where the random moments start from (default: 1)
  --count N   how many times the story is played, each with the next seed (default: 5)
  --siege     attack one install, in the order of the lists; words behind it choose the attacks whose names contain one
  --verbose   show the story while it is played
  --help      print this
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      siege: { type: 'boolean' },
      seed: { type: 'string' },
      count: { type: 'string' },
      verbose: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const show = values.verbose === true ? printToScreen : () => undefined;
  if (values.siege === true) return (await besiege(positionals, show, console.log)) === 0 ? 0 : 1;
  const first = parseCount(values.seed ?? '1');
  const count = parseCount(values.count ?? '5');
  let total = NOTHING_KILLED;
  let repairs = 0;
  for (let seed = first; seed < first + count; seed++) {
    const start = performance.now();
    const { tally, problems, directory } = await playUnderKills(seed, show);
    total = addTallies(total, tally);
    console.log(`seed ${seed}: ${formatTally(tally)}; ${formatDuration(performance.now() - start)}`);
    for (const problem of problems) console.log(`  ✗ ${problem}`);
    if (problems.length > 0) {
      console.log(`  kept: ${directory}`);
      repairs++;
    }
  }
  console.log(`${count} stories: ${formatTally(total)}; ${repairs} needed a repair`);
  return repairs === 0 ? 0 : 1;
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  console.error(`${text} is no number: --seed and --count take one`);
  process.exit(2);
}

process.exitCode = await main();
