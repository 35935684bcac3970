// One entry of the error catalogue: what an error says, what to do about it, and how it leaves a program.

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
