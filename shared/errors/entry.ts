// One entry of the error catalogue: what an error says, how it counts and quotes, what to do about it, and how it leaves a program.

export interface ErrorEntry<Data extends object> {
  /** One sentence made from named data; no trailing full stop. */
  readonly message: (data: Data) => string;
  /** What the reader should do next, best a command. */
  readonly hint: (data: Data) => string;
  /** HTTP status when an API answers with this error. */
  readonly http: number;
  /** Exit status of a command-line program; see EXIT. */
  readonly exit: ExitStatus;
}

/** Exit statuses shared by all three programs (`fairlead check` adds 10 and 20). */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  untrusted: 5,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Declares an entry and keeps the type of its data. */
export function entry<Data extends object>(definition: ErrorEntry<Data>): ErrorEntry<Data> {
  return definition;
}

/** As it is when no shell would read anything into it; in single quotes otherwise. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** `1 file`, `3 files`; a plural of its own where an s is not enough. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** `9.1 MB`: decimal units, as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
