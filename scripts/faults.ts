// The fault laboratory's entry: reads the options, runs the suites, prints a table, and writes it down when asked.
import { mkdtemp, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { OPERATIONS, operationsNamed } from '../test/labs/faults/operations.ts';
import { scratchDirectory } from '../test/labs/faults/places.ts';
import { Report } from '../test/labs/faults/report.ts';
import type { SuiteOptions } from '../test/labs/faults/suite.ts';
import { SUITES, type Suite } from '../test/labs/faults/suites.ts';

const USAGE = `Usage: scripts/faults [--short | --long | --count N] [--seed N] [--operation NAME] [--write] [SUITE…]

Interrupts the agent in every way there is, and checks that it ends old or new and loses nothing it acknowledged.

${SUITES.map(({ name, what }) => `  ${name.padEnd(11)} ${what}`).join('\n')}

  --short     a selection in about two minutes (the default)
  --long      every kill, 1,200 power cuts, 100,000 schedules and more of the rest: about two hours on two idle cores
  --count N   so many cases of each suite
  --seed N    another selection; every run with the same seed tries the same cases
  --operation NAME
              one of the operations alone, where a suite interrupts several: ${OPERATIONS.map(({ name }) => name).join(', ')}
  --write     write the table into docs/figures.md

Ctrl-C ends it after the case under way: it reports what it has tried.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean' },
      long: { type: 'boolean' },
      count: { type: 'string' },
      seed: { type: 'string' },
      operation: { type: 'string' },
      write: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name));
  if (values.help === true || unknown !== undefined) {
    console.log(unknown === undefined ? USAGE : `there is no suite ${unknown}\n\n${USAGE}`);
    return unknown === undefined ? 0 : 2;
  }
  const { operation } = values;
  if (operation !== undefined && (values.write === true || operationsNamed([operation]).length === 0)) {
    console.log(
      `--operation ${operation} is unknown, or would be written as if it were all of them\n\n${USAGE}`,
    );
    return 2;
  }
  const operations = operation === undefined ? {} : { operations: [operation] };
  const seed = Number(values.seed ?? 1);
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort());
  const report = new Report(seed);
  for (const suite of SUITES) {
    if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
    const planned = values.long === true ? suite.long : suite.short;
    if (ended.signal.aborted) break;
    await runSuite(
      suite,
      { ...{ seed, ...operations }, count: Number(values.count ?? planned), signal: ended.signal },
      report,
    );
  }
  console.log(`\n${report.table()}`);
  if (values.write === true) await report.write();
  return report.problems === 0 ? 0 : 1;
}

async function runSuite(
  suite: Suite,
  options: Pick<SuiteOptions, 'seed' | 'count' | 'operations' | 'signal'>,
  report: Report,
): Promise<void> {
  const missing = await suite.missing();
  if (missing !== null) return report.skip(suite, missing);
  const directory = await mkdtemp(`${scratchDirectory()}/fairlead-faults-`);
  // Operations are processes that start again and again: what they load is compiled once.
  process.env.NODE_COMPILE_CACHE = `${directory}/compiled`;
  const start = performance.now();
  const onProgress = (tried: number) => {
    if (tried % 100 === 0) console.error(`${suite.name}: ${tried}`);
  };
  try {
    const result = await suite.run({ ...options, directory, onProgress });
    report.add(suite, result, performance.now() - start);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

process.exitCode = await main();
