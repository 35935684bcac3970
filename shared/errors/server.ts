// Errors of the release server: requests and operation; access, the database, the repository and publications have tables of their own.
import { ACCESS_ERRORS } from './access.ts';
import { DATABASE_ERRORS } from './database.ts';
import { count, EXIT, entry, shellWord } from './entry.ts';
import { PUBLICATION_ERRORS } from './publication.ts';
import { REPOSITORY_ERRORS } from './repository.ts';

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
  'request/no-room': entry<{ readonly limit: number; readonly what: string }>({
    message: (d) => `there are ${d.limit} ${d.what} already, as many as are kept`,
    hint: () => 'remove what nobody needs any more, then ask again',
    http: 409,
    exit: EXIT.refused,
  }),
  'request/not-tagged': entry<object>({
    message: () => 'somebody else may have changed it meanwhile: say which state you mean',
    hint: () => 'read it, then send its ETag in the header If-Match',
    http: 428,
    exit: EXIT.usage,
  }),
  'request/outdated': entry<object>({
    message: () => 'it was changed since you read it',
    hint: () => 'read it again, and decide again',
    http: 412,
    exit: EXIT.refused,
  }),
  'request/key-reused': entry<object>({
    message: () => 'this Idempotency-Key came with another request before',
    hint: () => 'take a new key for each request, and the same for its repetitions',
    http: 422,
    exit: EXIT.usage,
  }),
  'request/upgrade-required': entry<object>({
    message: () => 'this address is for connections over which the server speaks',
    hint: () => 'ask to upgrade the connection (RFC 6455), or poll the repository',
    http: 426,
    exit: EXIT.usage,
  }),
  'request/rate-limited': entry<{ readonly seconds: number }>({
    message: (d) => `too many requests; try again in ${count(d.seconds, 'second')}`,
    hint: () => 'wait as long as the Retry-After header says',
    http: 429,
    exit: EXIT.refused,
  }),
} as const;

const OPERATION_ERRORS = {
  'webhook/address-refused': entry<{ readonly problem: string }>({
    message: (d) => `no webhook goes to this address: ${d.problem}`,
    hint: () =>
      'give an address such as https://receiver.example/fairlead, or mailto:ops@example.com; a receiver in a network of your own needs --webhook-networks at the server, and mail needs --smtp',
    http: 422,
    exit: EXIT.usage,
  }),
  'webhook/unsigned': entry<{ readonly name: string }>({
    message: (d) => `${d.name} is told by mail, which no secret signs`,
    hint: () => 'rotate the secrets of webhooks that go to an https address',
    http: 409,
    exit: EXIT.usage,
  }),
  'server/mail-unusable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `mail cannot be sent with ${d.path}: ${d.problem}`,
    hint: () => 'name the certificate of the authority that the relay’s is from, in PEM',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/half-mail': entry<{ readonly missing: string }>({
    message: (d) => `mail takes a relay and what is said to it: ${d.missing} is not given`,
    hint: () =>
      'give --smtp URL and --mail-from ADDRESS together, and --smtp-user NAME with its password where the relay asks who it is',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/busy': entry<{ readonly seconds: number }>({
    message: (d) => `the server is busy; try again in ${count(d.seconds, 'second')}`,
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
  'server/release-missing': entry<{ readonly count: number; readonly first: string }>({
    message: (d) =>
      `released updates can no longer be fetched: ${d.count} of their files ${d.count === 1 ? 'is' : 'are'} missing, first ${d.first}`,
    hint: () =>
      'put them back from a mirror, a backup or packs/ of the vendor’s workspace, under the same names; PUT /api/v1/packs/TREE/full.pack takes a pack',
    http: 500,
    exit: EXIT.failed,
  }),
  'server/release-kept': entry<{
    readonly name: string;
    readonly isListed: boolean;
    readonly until: string | null;
  }>({
    message: (d) =>
      d.isListed
        ? `${d.name} is a release that the vendor lists, and stays available ${d.until === null ? 'for good' : `until ${d.until} at least`}, as its policy was signed`
        : `${d.name} is nothing that could be removed here`,
    hint: (d) =>
      d.isListed
        ? 'after that day: fairlead-vendor retire, and a month after the last snapshot that lists it has expired this command'
        : 'see fairlead-server retention list',
    http: 409,
    exit: EXIT.refused,
  }),
  'server/release-held': entry<{
    readonly release: string;
    readonly installs: number;
    readonly first: string;
  }>({
    message: (d) =>
      `${d.release} may still be needed: ${d.installs} ${d.installs === 1 ? 'install reported' : 'installs reported'} that it runs or ran before, first ${d.first}`,
    hint: () => 'an install that is gone for good: fairlead-vendor instances retire NAME',
    http: 409,
    exit: EXIT.refused,
  }),
  'server/release-unheard': entry<{
    readonly release: string;
    readonly installs: number;
    readonly first: string;
  }>({
    message: (d) =>
      `${d.release} may still be needed: ${d.installs} ${d.installs === 1 ? 'install has' : 'installs have'} never said what ${d.installs === 1 ? 'it runs' : 'they run'}, first ${d.first}`,
    hint: () =>
      'retire those that are gone for good: fairlead-vendor instances retire NAME; or add --unheard where none of them needs it',
    http: 409,
    exit: EXIT.refused,
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
  'server/needs-tls': entry<{ readonly host: string }>({
    message: (d) => `${d.host} is reached from other machines, and tokens would go there in the clear`,
    hint: () =>
      'give --tls-cert FILE and --tls-key FILE; where a reverse proxy in front speaks TLS, say so with --behind-proxy',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/half-tls': entry<{ readonly missing: string }>({
    message: (d) => `TLS takes a certificate and its key: ${d.missing} is not given`,
    hint: () => 'give --tls-cert FILE and --tls-key FILE together',
    http: 503,
    exit: EXIT.usage,
  }),
  'server/tls-unusable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `${d.path} cannot be served with: ${d.problem}`,
    hint: () =>
      'name the files as the authority made them: certificate and chain in one, its key in the other, both PEM',
    http: 503,
    exit: EXIT.failed,
  }),
  'server/no-such-token': entry<{ readonly name: string; readonly dir: string }>({
    message: (d) => `no token named ${d.name} is valid`,
    hint: (d) => `see those that are: fairlead-server token list --dir ${shellWord(d.dir)}`,
    http: 404,
    exit: EXIT.failed,
  }),
  'server/no-passphrase': entry<{ readonly dir: string }>({
    message: (d) => `the passphrase of the signing keys in ${d.dir} is not known`,
    hint: () => 'give --passphrase-file FILE or set FAIRLEAD_SERVER_PASSPHRASE, as at init',
    http: 503,
    exit: EXIT.usage,
  }),
} as const;

export const SERVER_ERRORS = {
  ...ACCESS_ERRORS,
  ...REQUEST_ERRORS,
  ...OPERATION_ERRORS,
  ...DATABASE_ERRORS,
  ...PUBLICATION_ERRORS,
  ...REPOSITORY_ERRORS,
} as const;
