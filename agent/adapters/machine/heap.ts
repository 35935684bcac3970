// The heap of a program that mostly waits: it grows slowly, and is tidied when the work is done.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '../../ports/machine.ts';

/** Call it before anything is loaded: what V8 once took it keeps. */
export function growSlowly(): void {
  // Young objects have 1 MB instead of up to 16, collected more often and in less time each.
  setFlagsFromString('--semi-space-growth-factor=1');
  // undici parses HTTP in WebAssembly. After a few requests V8 would optimise it, which takes 10 MB that stay.
  setFlagsFromString('--wasm-tiering-budget=2000000000');
  for (const [what, calls] of Object.entries(CALLS_BEFORE))
    setFlagsFromString(`--invocation-count-for-${what}=${calls}`);
}

/**
 * A hundred times V8's own: what runs some thousand times a day stays in the interpreter, and neither the compilers (7 MB of the
 * program itself) nor what they learn and make come into memory. A decision about a hundred thousand releases takes a quarter longer.
 */
const CALLS_BEFORE = {
  'feedback-allocation': 800,
  maglev: 40_000,
  'maglev-osr': 10_000,
  osr: 50_000,
  turbofan: 300_000,
} as const;

/** Less is not worth the 40 ms. */
const WORTHWHILE_BYTES = 4 << 20;

/** Collects what has piled up since the last time: V8 waits for a need, which a program that rests does not have. */
export function createHeapTidier(): () => void {
  let tidied = 0;
  return () => {
    if (getHeapStatistics().used_heap_size - tidied < WORTHWHILE_BYTES) return;
    collectGarbage();
    tidied = getHeapStatistics().used_heap_size;
  };
}

/** Most reports are sent by then; what is left of one waits for the next rest. */
const REPORT_MS = 2_000;

/** The agent sleeps when nothing is due: the moment to give memory back, once the report of the round is sent. */
export function tidyWhile(sleep: Clock['sleep']): Clock['sleep'] {
  const tidy = createHeapTidier();
  return async (ms, signal) => {
    const timer = setTimeout(tidy, REPORT_MS);
    await sleep(ms, signal);
    clearTimeout(timer);
  };
}

/** The last resort also gives back the pages, and the compiled code of what ran only at the start. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', flavor: 'last-resort' });
}
