// Turns: work that reads and writes the same file, one piece after the other.

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** What fails ends its own turn only. */
export function createTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
