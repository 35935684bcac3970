// The place of the signed repository, as everybody who reads or writes it sees it: names, bytes, and no other process's half-done work.
import type { Readable } from 'node:stream';

/** What a name holds at one moment: another one whenever something else is written under it. */
export type Tag = string & { readonly tag: unique symbol };

export interface Stored {
  readonly bytes: Buffer;
  readonly tag: Tag;
}

export interface SmallFile {
  readonly kind: 'small';
  readonly bytes: Buffer;
  /** Quoted, as it stands in headers. */
  readonly etag: string;
}

export interface LargeFile {
  readonly kind: 'large';
  readonly size: number;
  readonly etag: string;
  /** From `start` up to, not including, `end`; of the bytes that `etag` names. Whoever asks for none closes it. */
  read(start: number, end: number): Promise<Readable>;
  close(): Promise<void>;
}

/**
 * Names are those of `names.ts`. Whoever reads finds the bytes of one write, whole, and the last one that was answered,
 * whichever process wrote it. All of it throws disk/*, or server/repository-* where the place is none of this machine.
 */
export interface RepositoryStore {
  /** For people: what errors and the log may name. */
  readonly place: string;
  /** Null when nothing stands there. */
  read(name: string): Promise<Stored | null>;
  tagOf(name: string): Promise<Tag | null>;
  /** For the world: small in whole, large as a stream. */
  open(name: string): Promise<SmallFile | LargeFile | null>;
  /** For names that say which bytes they hold: writing twice writes the same. It survives what follows. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** False, and nothing is written, where the name holds something else by now than `before` says, null for nothing. */
  replace(name: string, bytes: Uint8Array, before: Tag | null): Promise<boolean>;
  /** Nothing stands there any more, unless it is something else by now than `before` says. */
  clear(name: string, before: Tag): Promise<void>;
  /** Takes a file of this machine, of any size, into the place of a name, and maybe away. What stands there already stays. */
  take(name: string, file: string): Promise<void>;
  /** Every name that begins so, in any order. */
  list(prefix: string): AsyncIterable<string>;
  /** Ends idle connections, so that a program can exit. */
  close(): Promise<void>;
}

/** What is read in one piece: larger files are streams. */
export const SMALL_BYTES = 256 * 1024;
/** More than any metadata, document or commit: what is larger is not what was written. */
export const MAX_READ_BYTES = 256 * 2 ** 20;
