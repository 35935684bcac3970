// Errors of the release server's database: which one it is, whether it answers, and whose fleet it holds.
import { count, EXIT, entry, shellWord } from './entry.ts';

export const DATABASE_ERRORS = {
  'server/database-unreachable': entry<{
    readonly database: string;
    readonly problem: string;
    readonly remedy: string;
  }>({
    message: (d) => `the database ${d.database} cannot be used: ${d.problem}`,
    hint: (d) => d.remedy,
    http: 503,
    exit: EXIT.unreachable,
  }),
  'server/database-away': entry<{ readonly database: string; readonly seconds: number }>({
    message: (d) => `the database ${d.database} does not answer; try again in ${count(d.seconds, 'second')}`,
    hint: () => 'ask again: what is asked twice is done once, and signed files are served meanwhile',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'server/database-address': entry<{ readonly problem: string }>({
    message: (d) => `the address of the database cannot be used: ${d.problem}`,
    hint: () => 'write it as postgres://ACCOUNT:PASSWORD@HOST/DATABASE, in a file for --database-file',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/password-shown': entry<object>({
    message: () =>
      'the address of the database holds a password, and everybody on this machine reads command lines',
    hint: () =>
      'write the address into a file of mode 0600 and give that with --database-file; then change the password',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/database-elsewhere': entry<{ readonly dir: string; readonly database: string }>({
    message: (d) => `the server in ${d.dir} keeps its fleet in the database ${d.database}`,
    hint: () => 'give that database with --database-file FILE, as at init',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/database-embedded': entry<{ readonly dir: string }>({
    message: (d) => `the server in ${d.dir} keeps its fleet in a file there`,
    hint: (d) =>
      `leave the database out, or move the fleet: fairlead-server migrate --dir ${shellWord(d.dir)} --to-file FILE`,
    http: 503,
    exit: EXIT.usage,
  }),
  'server/database-filled': entry<{ readonly database: string }>({
    message: (d) => `the database ${d.database} is not empty`,
    hint: () => 'give a new one: createdb --owner ACCOUNT DATABASE; nothing was written into this one',
    http: 503,
    exit: EXIT.refused,
  }),
  'server/database-unnamed': entry<object>({
    message: () => 'it is not said which database the fleet moves to',
    hint: () =>
      'give --to postgres://ACCOUNT@HOST/DATABASE, or --to-file FILE with that address and its password',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/database-foreign': entry<{ readonly dir: string; readonly database: string }>({
    message: (d) => `the database ${d.database} holds another fleet than that of the server in ${d.dir}`,
    hint: () => 'give the database that this directory was made with; a new server takes an empty one',
    http: 503,
    exit: EXIT.refused,
  }),
  'server/database-newer': entry<{ readonly database: string; readonly steps: readonly string[] }>({
    message: (d) => `a newer fairlead-server changed the database ${d.database}: ${d.steps.join(', ')}`,
    hint: () => 'run that version again, or restore a backup from before it; nothing was changed here',
    http: 503,
    exit: EXIT.refused,
  }),
  'server/database-unreadable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `the database ${d.path} cannot be opened: ${d.problem}`,
    hint: () => 'check the disk and its permissions; a damaged file is restored from the newest backup',
    http: 503,
    exit: EXIT.failed,
  }),
} as const;
