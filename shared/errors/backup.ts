// Errors of backups of the release server: their keys, their place, and what is restored from them.
import { count, EXIT, entry, shellWord } from './entry.ts';

export const BACKUP_ERRORS = {
  'backup/key-unfit': entry<{ readonly from: string; readonly problem: string }>({
    message: (d) => `the key of the backups in ${d.from} cannot be used: ${d.problem}`,
    hint: () =>
      'put a key on its first line, and older ones below it: openssl rand -base64 32; keep a copy where the backups are not',
    http: 503,
    exit: EXIT.usage,
  }),
  'backup/no-place': entry<object>({
    message: () => 'it is not said where the backups are',
    hint: () =>
      'give --backup DIRECTORY or s3://BUCKET/PREFIX, FAIRLEAD_SERVER_BACKUP or the credential fairlead-backup',
    http: 503,
    exit: EXIT.usage,
  }),
  'backup/no-key': entry<object>({
    message: () => 'there is no key to seal backups with, or to open them',
    hint: () =>
      'give --backup-key-file, FAIRLEAD_SERVER_BACKUP_KEY or the credential fairlead-backup-key; a new key: openssl rand -base64 32',
    http: 503,
    exit: EXIT.usage,
  }),
  'backup/key-unknown': entry<{
    readonly name: string;
    readonly key: string;
    readonly given: readonly string[];
  }>({
    message: (d) =>
      `${d.name} is sealed with the key ${d.key}, and ${d.given.join(', ')} ${d.given.length === 1 ? 'was' : 'were'} given`,
    hint: () =>
      'add that key to the file of keys, on a line of its own; without it nobody opens what it sealed',
    http: 503,
    exit: EXIT.refused,
  }),
  'backup/damaged': entry<{ readonly name: string; readonly problem: string }>({
    message: (d) => `${d.name} is not what was backed up: ${d.problem}`,
    hint: () =>
      'restore an earlier backup: restore --list shows them; what stands under that name is to be removed, and the next backup writes it again',
    http: 503,
    exit: EXIT.untrusted,
  }),
  'backup/missing': entry<{ readonly place: string; readonly name: string }>({
    message: (d) => `${d.place} does not hold ${d.name}`,
    hint: () => 'restore --list shows what can be restored; what is missing the next backup writes again',
    http: 503,
    exit: EXIT.failed,
  }),
  'backup/place-failed': entry<{ readonly place: string; readonly problem: string }>({
    message: (d) => `the place of the backups, ${d.place}, does not do its part: ${d.problem}`,
    hint: () =>
      'make room there, mount it, or let the account of the server write there; backups go on by themselves',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'backup/place-lost': entry<{ readonly place: string }>({
    message: (d) => `${d.place} held the backups of this server, and holds nothing now`,
    hint: () =>
      'mount its disk; where it is empty on purpose, remove backup.json in the directory of the server, then run it again',
    http: 503,
    exit: EXIT.refused,
  }),
  'backup/foreign': entry<{ readonly place: string }>({
    message: (d) => `${d.place} holds the backups of another server`,
    hint: () => 'give each server a place of its own: another directory, or another prefix in the bucket',
    http: 503,
    exit: EXIT.refused,
  }),
  'backup/other-log': entry<{ readonly place: string; readonly kept: number; readonly here: number }>({
    message: (d) =>
      `the database was set back: ${d.place} holds the audit log up to entry ${d.kept}, and here ${d.here < d.kept ? `it ends at entry ${d.here}` : 'that is another one'}`,
    hint: () =>
      'whom it had shut out it would let in again: put back what is missing with fairlead-server restore --replace; where that is lost for good, give backups another place',
    http: 503,
    exit: EXIT.refused,
  }),
  'backup/archive-late': entry<{ readonly minutes: number; readonly failed: string | null }>({
    message: (d) =>
      `PostgreSQL has archived nothing of its log for ${count(d.minutes, 'minute')}${d.failed === null ? '' : `, and failed on ${d.failed}`}`,
    hint: () =>
      "its own log says why archive_command fails; archive_timeout = '60s' bounds what would be lost: docs/runbooks/server-backup-and-restore.md, With PostgreSQL",
    http: 503,
    exit: EXIT.unreachable,
  }),
  'backup/none': entry<{ readonly place: string; readonly wanted: string }>({
    message: (d) => `${d.place} holds no backup${d.wanted === '' ? '' : ` ${d.wanted}`}`,
    hint: () => 'restore --list shows those that are there; look whether --backup names the right place',
    http: 503,
    exit: EXIT.failed,
  }),
  'backup/busy': entry<object>({
    message: () => 'another backup of this server is under way',
    hint: () => 'wait until it is done; the running server makes them by itself',
    http: 503,
    exit: EXIT.refused,
  }),
  'backup/drilling': entry<object>({
    message: () => 'another drill of this server is under way',
    hint: () => 'wait until it is done; /metrics and its own output say what it found',
    http: 503,
    exit: EXIT.refused,
  }),
  'backup/drill-elsewhere': entry<object>({
    message: () => 'the fleet is in PostgreSQL, and a drill restores a fleet in a file',
    hint: () =>
      'restore the database into another cluster, then fairlead-server restore into a new directory: docs/runbooks/server-backup-and-restore.md, Try PostgreSQL’s backups',
    http: 503,
    exit: EXIT.usage,
  }),
  'backup/slow': entry<{ readonly seconds: number }>({
    message: (d) => `it takes longer than ${count(d.seconds, 'second')}`,
    hint: () => 'ask again; what was sent so far stays there',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'backup/not-kept': entry<{ readonly place: string; readonly problem: string; readonly done: boolean }>({
    message: (d) =>
      d.done
        ? `it is done and counts from now on, but it is not at the place of the backups, ${d.place}, yet: ${d.problem}`
        : `nothing was published: it is not at the place of the backups, ${d.place}, first: ${d.problem}`,
    hint: (d) =>
      d.done
        ? 'mend the place: the server goes on trying, and until then a restored backup would not know of it'
        : 'mend the place, or run the server without --backup, then publish again',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'restore/unproved': entry<{ readonly problem: string }>({
    message: (d) => `what was restored is not what it should be: ${d.problem}`,
    hint: () =>
      'keep what is at the place, and look into the log of the server; make a backup to another place meanwhile',
    http: 503,
    exit: EXIT.untrusted,
  }),
  'restore/other-database': entry<{ readonly isEmbedded: boolean }>({
    message: (d) =>
      d.isEmbedded
        ? 'this backup holds a fleet in a file, and a PostgreSQL database is named'
        : 'this backup is of a server whose fleet is in PostgreSQL, and no database is named',
    hint: (d) =>
      d.isEmbedded
        ? 'restore without --database; fairlead-server migrate moves the fleet afterwards'
        : 'restore the database first, then give it: --database-file FILE',
    http: 503,
    exit: EXIT.usage,
  }),
  'restore/occupied': entry<{ readonly dir: string }>({
    message: (d) => `${d.dir} is not empty: nothing in it is written over`,
    hint: (d) =>
      `restore into a new directory, or let what is there be put aside: restore --replace --dir ${shellWord(d.dir)}`,
    http: 503,
    exit: EXIT.refused,
  }),
} as const;
