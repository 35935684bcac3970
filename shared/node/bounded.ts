// Runs a task for many items, a few at a time.

/** `worker` counts from 0 below `limit`: what belongs to a worker, a buffer say, is used by one task at a time. The first failure is thrown only after every started task has ended: nothing writes behind the caller's back. */
export async function forEachBounded<Item>(
  items: Iterable<Item>,
  limit: number,
  run: (item: Item, worker: number) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failed = false;
  const work = async (worker: number) => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next()) {
      await run(next.value, worker).catch((cause: unknown) => {
        failed = true;
        throw cause;
      });
    }
  };
  const results = await Promise.allSettled(Array.from({ length: limit }, (_, worker) => work(worker)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
