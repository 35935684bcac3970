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
