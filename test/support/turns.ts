// How long one turn of the loop takes: the processor time of this thread between two looks, whoever else is on the machine.

export interface Turns {
  /** Milliseconds of the longest turn so far; ends the watch. */
  longest(): number;
}

export function watchTurns(): Turns {
  let before = cpuMs();
  let longest = 0;
  let watching = true;
  const look = () => {
    const now = cpuMs();
    longest = Math.max(longest, now - before);
    before = now;
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  return {
    longest: () => {
      watching = false;
      look();
      return longest;
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const ATTEMPTS = 3;

/**
 * The outcome of some work that may be repeated, and the longest turn meanwhile. On a machine that is shared, time in which somebody
 * else ran counts too now and then: of three attempts the best one counts. What is slow by itself is slow three times.
 */
export async function watchWork<Result>(work: () => Promise<Result>, limitMs: number) {
  for (let attempt = 1, best = Number.POSITIVE_INFINITY; ; attempt++) {
    const turns = watchTurns();
    const result = await work();
    best = Math.min(best, turns.longest());
    if (best < limitMs || attempt === ATTEMPTS) return { result, longest: best };
  }
}
