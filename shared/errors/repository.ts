// Errors of the place where the release server keeps its signed repository: a directory, or an S3 bucket.
import { count, EXIT, entry, shellWord } from './entry.ts';

export const REPOSITORY_ERRORS = {
  'server/repository-address': entry<{ readonly problem: string }>({
    message: (d) => `the address of the repository cannot be used: ${d.problem}`,
    hint: () =>
      'name a directory, or write it as s3://BUCKET/PREFIX?region=REGION&endpoint=https://HOST; its keys stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/keys-shown': entry<{ readonly flag: string }>({
    message: (d) =>
      `the address behind ${d.flag} holds a secret key, and everybody on this machine reads command lines`,
    hint: (d) =>
      `write the address into a file of mode 0600 and give that with ${d.flag}-file; then make another key`,
    http: 503,
    exit: EXIT.usage,
  }),
  'server/repository-unusable': entry<{
    readonly repository: string;
    readonly problem: string;
    readonly remedy: string;
  }>({
    message: (d) => `the repository ${d.repository} cannot be used: ${d.problem}`,
    hint: (d) => d.remedy,
    http: 503,
    exit: EXIT.unreachable,
  }),
  'server/repository-away': entry<{
    readonly repository: string;
    readonly problem: string;
    readonly seconds: number;
  }>({
    message: (d) =>
      `the repository ${d.repository} does not answer (${d.problem}); try again in ${count(d.seconds, 'second')}`,
    hint: () => 'ask again: nothing was shown in part, and what is asked for often is served meanwhile',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'server/mirror-unfit': entry<{ readonly dir: string; readonly problem: string }>({
    message: (d) => `${d.dir} cannot hold a mirror: ${d.problem}`,
    hint: () => 'name a directory of the mirror’s own: --dir /srv/fairlead-mirror',
    http: 500,
    exit: EXIT.refused,
  }),
  'server/repository-damaged': entry<{
    readonly repository: string;
    readonly name: string;
    readonly problem: string;
  }>({
    message: (d) => `${d.name} in the repository ${d.repository} is not what was published: ${d.problem}`,
    hint: () =>
      'find out who wrote there; put the file back from a backup or an earlier version of it, or let the vendor publish again',
    http: 503,
    exit: EXIT.untrusted,
  }),
  'server/repository-strange': entry<{ readonly repository: string }>({
    message: (d) =>
      `the timestamp in ${d.repository} is not signed by this server: nothing is signed after it`,
    hint: () =>
      "after an exchange of the server's keys publish the root that names the new ones: fairlead-vendor key rotate snapshot; otherwise find out who wrote there",
    http: 503,
    exit: EXIT.untrusted,
  }),
  'server/repository-elsewhere': entry<{ readonly dir: string; readonly repository: string }>({
    message: (d) => `the server in ${d.dir} keeps its repository in ${d.repository}`,
    hint: () => 'give that place with --repository or --repository-file, as at init',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/repository-embedded': entry<{ readonly dir: string }>({
    message: (d) => `the server in ${d.dir} keeps its repository there`,
    hint: (d) =>
      `leave --repository out, or move the repository: fairlead-server migrate --dir ${shellWord(d.dir)} --repository PLACE`,
    http: 503,
    exit: EXIT.usage,
  }),
  'server/repository-foreign': entry<{ readonly dir: string; readonly repository: string }>({
    message: (d) => `${d.repository} holds the repository of another fleet than that of ${d.dir}`,
    hint: () => 'give the place that this directory was made with; a new server takes an empty one',
    http: 503,
    exit: EXIT.refused,
  }),
  'server/downloads-unclear': entry<{ readonly problem: string }>({
    message: (d) => `who may download is not clear: ${d.problem}`,
    hint: () =>
      'give --repository-access enrolled; for signed addresses also --download-key-file FILE with 32 random signs or more (openssl rand -base64 32) and --download-url URL',
    http: 503,
    exit: EXIT.usage,
  }),
} as const;
