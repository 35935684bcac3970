// The journal as the engine sees it: at most one unfinished deployment, entries durable in the order they were written.
import type { JournalEntry } from '../../shared/schema/journal.ts';

export interface UnfinishedJournal {
  /** Id of the deployment record. */
  readonly deployment: number;
  /** Everything before the first damage. */
  readonly entries: readonly JournalEntry[];
  /** Bytes in the middle are not what was written. A torn last entry is no damage: it was never acknowledged. */
  readonly damaged: boolean;
}

export interface Journal {
  /** What an earlier process left unfinished, or null. A torn last entry is cut off, so that appending can go on. */
  read(): Promise<UnfinishedJournal | null>;
  /** Opens the journal of a deployment, with room for `expectedEntries` reserved so that a full disk cannot stop a rollback. */
  begin(deployment: number, expectedEntries: number): Promise<void>;
  /** Durable when it returns; entries come in the order of their sequence. Errors: disk/full, disk/failed. */
  append(entry: JournalEntry): Promise<void>;
  /** Keeps a damaged journal aside, for people, and in one step puts these entries in its place. */
  replace(deployment: number, entries: readonly JournalEntry[]): Promise<void>;
  /** The deployment has ended and everything about it is written elsewhere: removes the journal. */
  end(deployment: number): Promise<void>;
}
