// How long the command line takes to answer, beside Node doing nothing.
import { join } from 'node:path';
import { type Figures, formatMs, median } from './figures.ts';
import { timeProgram } from './processes.ts';

const FAIRLEAD = join(import.meta.dirname, '../../scripts/bin/fairlead');
const RUNS = 10;

export async function measureStartup(): Promise<Figures> {
  return {
    title: 'Start-up',
    note: `Median of ${RUNS} runs, from the sources.`,
    head: ['', 'time'],
    rows: [
      ['`fairlead --version`', formatMs(await medianOf(FAIRLEAD, ['--version']))],
      ['`fairlead --help`', formatMs(await medianOf(FAIRLEAD, ['--help']))],
      ['`node -e 0`', formatMs(await medianOf(process.execPath, ['-e', '0']))],
    ],
  };
}

async function medianOf(program: string, args: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) times.push(await timeProgram(program, args));
  return median(times);
}
