// The fleet simulator's entry: reads the options, plays the scenarios, prints a table, and writes it down when asked.
import { parseArgs } from 'node:util';
import { playScenario } from '../test/labs/fleet/laboratory.ts';
import { Report } from '../test/labs/fleet/report.ts';
import { SCENARIOS } from '../test/labs/fleet/scenarios.ts';
import { WAVES } from '../test/labs/fleet/vendor.ts';

const USAGE = `Usage: scripts/fleet-sim [--count N] [--seed N] [--only NAME]... [--waves LIST]
                         [--unguarded] [--write]

Plays what can happen to a fleet during a rollout, on simulated time, and checks that few take what is bad, that it stops
by itself, and that all heal without a person. Exits with 1 where a goal was missed.

${SCENARIOS.map(({ name, what }) => `  ${name.padEnd(14)} ${what}`).join('\n')}

  --count N     how many installs (default: 1000)
  --seed N      another fleet with other moments; the same seed plays the same (default: 1)
  --only NAME   this scenario alone; may be repeated
  --waves LIST  in which releases are offered (default: ${WAVES})
  --unguarded   without the server's judgement, to see what it is good for
  --write       write the table into docs/figures.md
  --help        print this
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      waves: { type: 'string', default: WAVES },
      unguarded: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [count, seed] = [Number(values.count), Number(values.seed)];
  const isUsual = values.waves === WAVES && !values.unguarded;
  const problem = [
    ...(Number.isInteger(count) && count > 0 ? [] : [`--count ${values.count}: a whole number above 0`]),
    ...(Number.isInteger(seed) ? [] : [`--seed ${values.seed}: a whole number`]),
    ...values.only
      .filter((name) => !SCENARIOS.some((one) => one.name === name))
      .map((name) => `--only ${name}: no scenario`),
    ...(values.write && !isUsual ? ['--write: only with the guard and the usual waves'] : []),
  ].join('\n');
  if (values.help || problem !== '') {
    console.log(problem === '' ? USAGE : `${problem}\n\n${USAGE}`);
    return problem === '' ? 0 : 2;
  }
  const chosen = SCENARIOS.filter(({ name }) => values.only.length === 0 || values.only.includes(name));
  const report = new Report();
  for (const scenario of chosen) {
    const start = performance.now();
    const result = await playScenario(scenario, {
      count,
      seed,
      waves: values.waves,
      isGuarded: !values.unguarded,
    });
    report.add(scenario, result, seed, performance.now() - start);
    for (const goal of result.missed) console.error(`${scenario.name}: missed: ${goal}`);
  }
  console.log(`\n${report.table()}`);
  if (values.write) await report.write();
  return report.missed === 0 ? 0 : 1;
}

process.exitCode = await main();
