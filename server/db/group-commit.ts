// Group commit: many writes in one durable transaction, each acknowledged only after it is on disk.
import { FairleadError, isDatabaseBusy, isFairleadError } from '../../shared/errors/error.ts';

/** What waits while one transaction is being written; beyond it the server says when to come back. */
export const MAX_WAITING = 20_000;
const MAX_BATCH = 500;
/** What is written in one transaction, and what may wait. */
const MAX_BATCH_BYTES = 4 * 2 ** 20;
export const MAX_WAITING_BYTES = 64 * 2 ** 20;
const RETRY_AFTER_SECONDS = 5;

/** In one durable transaction. Answers for each item, in their order; one that is refused is refused alone. */
type Write<Item, Result> = (items: readonly Item[]) => Promise<readonly (Result | FairleadError)[]>;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly bytes: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommit<Item, Result> {
  /** Resolves once the item, so many bytes long, is committed. Errors: server/busy, and what `write` throws for this item. */
  submit(item: Item, bytes?: number): Promise<Result>;
}

/** An fsync costs milliseconds whether it covers one write or five hundred. */
export function createGroupCommit<Item, Result>(write: Write<Item, Result>): GroupCommit<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let waitingBytes = 0;
  let working = false;

  async function work(): Promise<void> {
    working = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, countFitting(waiting));
      waiting = waiting.slice(batch.length);
      waitingBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
      await commit(write, batch);
    }
    working = false;
  }

  return {
    submit: (item, bytes = 0) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= MAX_WAITING || waitingBytes + bytes > MAX_WAITING_BYTES) {
          reject(new FairleadError('server/busy', { seconds: RETRY_AFTER_SECONDS }));
          return;
        }
        waiting.push({ item, bytes, resolve, reject });
        waitingBytes += bytes;
        // Not at once: what arrives in the same turn of the loop shares the transaction.
        if (!working) {
          working = true;
          setImmediate(work);
        }
      }),
  };
}

/** At least one. */
function countFitting(waiting: readonly { readonly bytes: number }[]): number {
  let bytes = 0;
  const end = waiting.findIndex((one, index) => {
    bytes += one.bytes;
    return index === MAX_BATCH || (index > 0 && bytes > MAX_BATCH_BYTES);
  });
  return end === -1 ? waiting.length : end;
}

async function commit<Item, Result>(
  write: Write<Item, Result>,
  batch: readonly Waiting<Item, Result>[],
): Promise<void> {
  try {
    const items = batch.map(({ item }) => item);
    const results = await write(items);
    batch.forEach(({ resolve, reject }, index) => {
      const result = results[index];
      if (result instanceof FairleadError) reject(result);
      else resolve(result as Result);
    });
  } catch (error) {
    await commitParts(write, batch, error);
  }
}

/** One bad item must not take the others down with it: it is found by halves. Where the database cannot, it can for none of them. */
async function commitParts<Item, Result>(
  write: Write<Item, Result>,
  batch: readonly Waiting<Item, Result>[],
  error: unknown,
): Promise<void> {
  if (batch.length === 1 || isUnable(error)) {
    for (const one of batch) one.reject(error);
    return;
  }
  const half = Math.ceil(batch.length / 2);
  for (const part of [batch.slice(0, half), batch.slice(half)]) await commit(write, part);
}

function isUnable(error: unknown): boolean {
  return isFairleadError(error, 'server/database-away', 'server/busy', 'disk/full') || isDatabaseBusy(error);
}
