// The bench's entry: reads the options and starts the run.
import { parseArgs } from 'node:util';
import { runBench } from '../test/bench/run.ts';
import { SUBJECTS } from '../test/bench/subjects.ts';

const NAMES = Object.keys(SUBJECTS);

const USAGE = `Usage: scripts/bench [--only SUBJECT[,SUBJECT]] [--offline] [--minutes N] [--json FILE] [--write]

Measures on this machine, over loopback only, beside the best of the kind, in rounds of A B C, then C B A:

  ${NAMES.join(', ')}

A ratio is the median of the rounds'; NOISY says that the other alone varied by half, SKIP which package to install.

  --only      these subjects alone
  --offline   nothing from a registry: generated trees, and no real applications
  --minutes   how long agents rest side by side under executable; 10 unless given
  --json      write the run as JSON to a file; - prints it, and the tables on standard error
  --write     write the figures to docs/figures.md and keep the run in docs/figures-history.jsonl
  --help      print this
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ...{ only: { type: 'string', multiple: true }, minutes: { type: 'string', default: '10' } },
      ...{ offline: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
      ...{ json: { type: 'string' }, help: { type: 'boolean', default: false } },
    },
  });
  const only = values.only?.flatMap((list) => list.split(','));
  const minutes = Number(values.minutes);
  const problems = [
    ...(only ?? []).filter((name) => !NAMES.includes(name)).map((name) => `--only ${name}: no subject`),
    ...(minutes > 0 ? [] : [`--minutes ${values.minutes}: a number above 0`]),
  ];
  if (values.help || problems.length > 0) {
    console[problems.length > 0 ? 'error' : 'log']([...problems, USAGE].join('\n'));
    return problems.length > 0 ? 2 : 0;
  }
  await runBench({
    ...{ isOffline: values.offline, isWritten: values.write, minutes },
    ...(only === undefined ? {} : { only }),
    ...(values.json === undefined ? {} : { json: values.json }),
  });
  return 0;
}

process.exitCode = await main();
