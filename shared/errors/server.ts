// Errors of the release server: access, requests, enrolment codes, publications.
import { EXIT, entry } from './entry.ts';
import { shellWord } from './shell-word.ts';

const ACCESS_ERRORS = {
  'auth/missing': entry<{ readonly route: string }>({
    message: (d) => `${d.route} needs a token`,
    hint: () => 'send it in the header: Authorization: Bearer TOKEN',
    http: 401,
    exit: EXIT.refused,
  }),
  'auth/refused': entry<{ readonly problem: string }>({
    message: (d) => `the token is not accepted: ${d.problem}`,
    hint: () => 'check which token the file holds; an admin makes a new one: fairlead-server token create',
    http: 401,
    exit: EXIT.refused,
  }),
  'auth/forbidden': entry<{ readonly role: string; readonly needed: string }>({
    message: (d) => `a token with the role ${d.role} may not do this; it takes ${d.needed}`,
    hint: (d) => `use a token made with: fairlead-server token create --role ${d.needed.split(' ')[0]}`,
    http: 403,
    exit: EXIT.refused,
  }),
  'enrolment/code-refused': entry<{ readonly problem: string }>({
    message: (d) => `the enrolment code is not accepted: ${d.problem}`,
    hint: () => 'ask the vendor for a new enrolment string: fairlead-vendor enrolment create',
    http: 403,
    exit: EXIT.refused,
  }),
} as const;

const REQUEST_ERRORS = {
  'request/not-found': entry<{ readonly what: string }>({
    message: (d) => `there is no ${d.what}`,
    hint: () => 'check the address; /docs/openapi.json lists every route',
    http: 404,
    exit: EXIT.failed,
  }),
  'request/invalid': entry<{ readonly problem: string }>({
    message: (d) => `the request cannot be read: ${d.problem}`,
    hint: () => 'compare the request with /docs/openapi.json',
    http: 400,
    exit: EXIT.usage,
  }),
  'request/no-such-range': entry<{ readonly available: string }>({
    message: (d) => `the file has no such part: ${d.available}`,
    hint: () => 'ask for the whole file',
    http: 416,
    exit: EXIT.usage,
  }),
  'request/too-large': entry<{ readonly limit: number }>({
    message: (d) => `the request is larger than the ${d.limit} bytes allowed here`,
    hint: () => 'send less at once',
    http: 413,
    exit: EXIT.refused,
  }),
  'request/rate-limited': entry<{ readonly seconds: number }>({
    message: (d) => `too many requests; try again in ${d.seconds} seconds`,
    hint: () => 'wait as long as the Retry-After header says',
    http: 429,
    exit: EXIT.refused,
  }),
} as const;

const OPERATION_ERRORS = {
  'server/busy': entry<{ readonly seconds: number }>({
    message: (d) => `the server is busy; try again in ${d.seconds} seconds`,
    hint: () => 'wait as long as the Retry-After header says; nothing was changed',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'server/not-ready': entry<{ readonly problem: string }>({
    message: (d) => `the server cannot do its work: ${d.problem}`,
    hint: () => 'see the server log; agents keep running what they run',
    http: 503,
    exit: EXIT.failed,
  }),
  'server/failed': entry<{ readonly request: string }>({
    message: (d) => `the server failed to answer request ${d.request}`,
    hint: (d) => `the server's log tells why; look for "${d.request}"`,
    http: 500,
    exit: EXIT.failed,
  }),
  'server/audit-broken': entry<{ readonly sequence: number; readonly problem: string }>({
    message: (d) => `the audit log does not hold at entry ${d.sequence}: ${d.problem}`,
    hint: () =>
      'keep this database and its backups as they are: compare the entry with an earlier export or backup',
    http: 500,
    exit: EXIT.untrusted,
  }),
  'server/expiring': entry<{ readonly count: number; readonly first: string }>({
    message: (d) => `${d.count} will soon have ended or have ended already, first ${d.first}`,
    hint: () =>
      'renew metadata with fairlead-vendor renew; make a new token with fairlead-server token create, then revoke the old one',
    http: 500,
    exit: EXIT.failed,
  }),
  'server/not-initialized': entry<{ readonly dir: string }>({
    message: (d) => `${d.dir} does not hold a release server`,
    hint: (d) => `create it: fairlead-server init --dir ${shellWord(d.dir)}`,
    http: 503,
    exit: EXIT.usage,
  }),
  'server/in-use': entry<{ readonly dir: string }>({
    message: (d) => `another fairlead-server runs on ${d.dir}`,
    hint: () => 'stop it first; two servers on one directory would sign against each other',
    http: 503,
    exit: EXIT.refused,
  }),
  'server/no-address': entry<{ readonly host: string; readonly port: number; readonly problem: string }>({
    message: (d) => `cannot listen on ${d.host}, port ${d.port}: ${d.problem}`,
    hint: () => 'choose another with --host and --port, or stop the program that has it',
    http: 503,
    exit: EXIT.failed,
  }),
  'server/no-such-token': entry<{ readonly name: string; readonly dir: string }>({
    message: (d) => `no token named ${d.name} is valid`,
    hint: (d) => `see those that are: fairlead-server token list --dir ${shellWord(d.dir)}`,
    http: 404,
    exit: EXIT.failed,
  }),
  'server/database-unreachable': entry<{ readonly database: string; readonly problem: string }>({
    message: (d) => `the database ${d.database} cannot be used: ${d.problem}`,
    hint: () => 'check that PostgreSQL runs there, and that the account may create tables in this database',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'server/database-unreadable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `the database ${d.path} cannot be opened: ${d.problem}`,
    hint: () => 'check the disk and its permissions; a damaged file is restored from the newest backup',
    http: 503,
    exit: EXIT.failed,
  }),
  'server/no-passphrase': entry<{ readonly dir: string }>({
    message: (d) => `the passphrase of the signing keys in ${d.dir} is not known`,
    hint: () => 'give --passphrase-file FILE or set FAIRLEAD_PASSPHRASE, as at init',
    http: 503,
    exit: EXIT.usage,
  }),
} as const;

const PUBLICATION_ERRORS = {
  'publication/no-root': entry<object>({
    message: () => 'nothing is published yet, so the first publication must bring a root and its targets',
    hint: () => 'publish the whole workspace: fairlead-vendor publish',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/version-taken': entry<{ readonly role: string; readonly version: number }>({
    message: (d) => `version ${d.version} of ${d.role} is published already, with other content`,
    hint: () => 'sign it again with a higher version; what was published never changes',
    http: 409,
    exit: EXIT.refused,
  }),
  'publication/unknown-role': entry<{ readonly role: string }>({
    message: (d) => `no delegation leads to the role ${d.role}`,
    hint: () =>
      'delegate to it in the targets metadata, or leave it out; snapshot and timestamp are the server’s',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unfit-root': entry<{ readonly version: number; readonly problem: string }>({
    message: (d) => `version ${d.version} of the root cannot be served here: ${d.problem}`,
    hint: () => 'sign a root with consistent snapshots that names the keys of GET /api/v1/online-keys',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/missing-metadata': entry<{ readonly role: string }>({
    message: (d) => `there is no metadata of the role ${d.role}, to which another role delegates`,
    hint: () => 'send it with the publication, even when it lists nothing: clients look for it',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/missing-target': entry<{ readonly role: string; readonly path: string }>({
    message: (d) => `${d.role} lists ${d.path}, which was neither sent nor published before`,
    hint: () => 'send the document with the metadata that lists it',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/target-mismatch': entry<{ readonly path: string }>({
    message: (d) => `the bytes of ${d.path} are not those that the metadata lists`,
    hint: () => 'sign and send the same bytes',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unlisted-target': entry<{ readonly path: string }>({
    message: (d) => `no metadata lists ${d.path}`,
    hint: () => 'send only documents that a role has signed for',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/path-not-allowed': entry<{ readonly role: string; readonly path: string }>({
    message: (d) => `${d.role} may not speak for ${d.path}`,
    hint: () => 'list it in the role whose delegation covers this path',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/wrong-document': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `${d.path} is not the document its path promises: ${d.problem}`,
    hint: () => 'correct the document or its path and sign again',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/released-already': entry<{ readonly path: string }>({
    message: (d) => `${d.path} is released already, with other content`,
    hint: () => 'a release never changes: give the new content a new version',
    http: 409,
    exit: EXIT.refused,
  }),
  'publication/missing-pack': entry<{ readonly path: string; readonly tree: string }>({
    message: (d) => `the pack of ${d.path} is not on the server: ${d.tree}`,
    hint: () => 'upload the pack first: PUT /api/v1/packs/TREE/full.pack',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unfit-pack': entry<{ readonly tree: string; readonly problem: string }>({
    message: (d) => `this is not a pack of the tree ${d.tree}: ${d.problem}`,
    hint: () => 'build the component again and upload what it wrote: fairlead-vendor publish',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/change-missing': entry<{ readonly path: string; readonly change: string }>({
    message: (d) => `${d.path} names the change ${d.change}, whose record the server does not have`,
    hint: () => 'send the change record with the release; no release stands outside the pipeline',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/change-unfit': entry<{
    readonly path: string;
    readonly change: string;
    readonly problem: string;
  }>({
    message: (d) => `the change ${d.change} does not release ${d.path}: ${d.problem}`,
    hint: (d) => `walk the stages in order: fairlead-vendor change show ${d.change}`,
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/change-rewritten': entry<{ readonly change: string }>({
    message: (d) => `the record of ${d.change} does not continue the one the server has`,
    hint: () => 'restore the record; what a stage has written is never rewritten',
    http: 409,
    exit: EXIT.refused,
  }),
} as const;

export const SERVER_ERRORS = {
  ...ACCESS_ERRORS,
  ...REQUEST_ERRORS,
  ...OPERATION_ERRORS,
  ...PUBLICATION_ERRORS,
} as const;
