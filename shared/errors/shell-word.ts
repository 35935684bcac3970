// One word of a command line that a person may copy into a shell.

/** As it is when no shell would read anything into it; in single quotes otherwise. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
