// The heap: what a burst of work leaves behind does not stay.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const HEAP = join(import.meta.dirname, '../../../../agent/adapters/machine/heap.ts');

it('gives back what a burst of work left behind', async () => {
  const { before, after } = await inNewProcess(`
    let rubbish = Array.from({ length: 300_000 }, (_, i) => ({ i, text: 'rubbish ' + i }));
    const before = rubbish.length > 0 ? used() : 0;
    rubbish = null;
    tidy();
    print({ before, after: used() });`);

  expect(before).toBeGreaterThan(20e6);
  expect(after).toBeLessThan(10e6);
});

it('leaves the heap alone while it has hardly grown', async () => {
  const { collections } = await inNewProcess(`
    tidy();
    let collections = 0;
    new PerformanceObserver((list) => { collections += list.getEntries().length; }).observe({ type: 'gc' });
    for (let i = 0; i < 50; i++) tidy();
    setImmediate(() => setImmediate(() => print({ collections })));`);

  expect(collections).toBe(0);
});

it('interprets what a day calls, and compiles what a large decision calls', async () => {
  const { day, decision } = await inNewProcess(`
    const add = (a, b) => a + b;
    const isOptimized = () => (%GetOptimizationStatus(add) & 16) !== 0;
    const call = async (times) => {
      for (let turn = 0; turn < 100; turn++) {
        for (let i = 0; i < times / 100; i++) add(i, turn);
        await new Promise(setImmediate);
      }
      return isOptimized();
    };
    const day = await call(10_000);
    while (!(await call(1_000_000)));
    print({ day, decision: isOptimized() });`);

  expect({ day, decision }).toEqual({ day: false, decision: true });
});

async function inNewProcess(script: string): Promise<Record<string, unknown>> {
  const prologue = `
    import { createHeapTidier, growSlowly } from ${JSON.stringify(HEAP)};
    growSlowly();
    const tidy = createHeapTidier();
    const used = () => process.memoryUsage().heapUsed;
    const print = (value) => console.log(JSON.stringify(value));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--allow-natives-syntax',
    '--input-type=module',
    '-e',
    prologue + script,
  ]);
  return JSON.parse(stdout);
}
