// One thing after the other: the queue behind everything that signs or publishes.

export type SerialQueue = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** A task starts when the one before has ended, however it ended. */
export function createSerialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}
