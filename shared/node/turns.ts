// Turns: work that reads and writes the same thing, one piece after the other.

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** A piece starts when the one before has ended, however it ended: what fails ends its own turn only. */
export function createTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
