// Loaded into a server before its own code: on a signal it writes down the longest turn of the main thread since the last one.
// JavaScript, for one file of TypeScript here would load the type stripper for good.
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.FAIRLEAD_BENCH_TURNS;
if (isMainThread && file !== undefined) watch(file);

function watch(file) {
  let before = cpuMs();
  let longest = 0;
  let turns = 0;
  const look = () => {
    const spent = cpuMs() - before;
    longest = Math.max(longest, spent);
    if (spent > 50) turns++;
    before = cpuMs();
    setImmediate(look).unref();
  };
  look();
  process.on('SIGUSR2', () => {
    writeFileSync(file, JSON.stringify({ longest, turns }));
    longest = 0;
    turns = 0;
  });
}

function cpuMs() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
