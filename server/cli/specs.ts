// The commands of `fairlead-server`: what a person types, what it is for, what is loaded when it runs.
import type { CommandSpec, OptionSpec } from '../../shared/cli/command.ts';
import { parseLine, parsePath, parseSpan, parseUrl } from '../../shared/cli/values.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { TOKEN_LIFETIME, TOKEN_ROLES } from '../../shared/protocol/fleet.ts';
import { REPOSITORY_ACCESS } from '../core/downloads.ts';
import { WARN_DURATION } from '../core/expiry.ts';
import {
  type CliContext,
  parseCheckpoint,
  parseDatabase,
  parseHost,
  parseNetworks,
  parsePlace,
  parsePort,
} from './options.ts';

type ServerCommand = CommandSpec<CliContext>;

const DIR: OptionSpec = {
  flags: '--dir <dir>',
  about: 'directory of the release server',
  required: true,
  parse: parsePath,
};
const DATABASE: readonly OptionSpec[] = [
  {
    flags: '--database <url>',
    about: 'PostgreSQL database in place of a file in the directory, such as postgres://fairlead@db/fairlead',
    parse: parseDatabase,
  },
  {
    flags: '--database-file <file>',
    about:
      'file with that address, password and all (else $FAIRLEAD_SERVER_DATABASE, else a credential of systemd)',
    excludes: ['database'],
    parse: parsePath,
  },
];
const ON_FLEET = [DIR, ...DATABASE];
const REPOSITORY: readonly OptionSpec[] = [
  {
    flags: '--repository <place>',
    about:
      'where the signed repository is kept in place of the directory: another one, or s3://BUCKET/PREFIX with the keys in $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY',
    parse: parsePlace,
  },
  {
    flags: '--repository-file <file>',
    about:
      'file with that place, keys and all (else $FAIRLEAD_SERVER_REPOSITORY, else a credential of systemd)',
    excludes: ['repository'],
    parse: parsePath,
  },
];
const WHOLE = [...ON_FLEET, ...REPOSITORY];
const PASSPHRASE: OptionSpec = {
  flags: '--passphrase-file <file>',
  about: 'passphrase of the signing keys (else $FAIRLEAD_SERVER_PASSPHRASE, else $FAIRLEAD_PASSPHRASE)',
  parse: parsePath,
};

export const INIT: ServerCommand = {
  name: 'init',
  about: 'make the directory, its keys and the first tokens; may be repeated',
  example: 'init --dir /var/lib/fairlead-server --public-url https://releases.example.com',
  options: [
    ...WHOLE,
    PASSPHRASE,
    {
      flags: '--public-url <url>',
      about: 'where agents and release managers will reach the server',
      fallback: 'http://127.0.0.1:8080',
      parse: parseUrl,
    },
  ],
  load: async () => (await import('./init.ts')).init,
};

const LISTENING: readonly OptionSpec[] = [
  { flags: '--host <address>', about: 'address to listen on', fallback: '127.0.0.1', parse: parseHost },
  {
    flags: '--port <number>',
    about: 'port to listen on; 0 takes a free one',
    fallback: 8080,
    parse: parsePort,
  },
  {
    flags: '--trust-proxy <addresses>',
    about: 'reverse proxies whose X-Forwarded-For is believed: addresses or networks, by comma',
    parse: parseNetworks,
  },
  {
    flags: '--behind-proxy',
    about: 'a reverse proxy speaks TLS with the callers; --trust-proxy says so too',
  },
  {
    flags: '--tls-cert <file>',
    about: 'serve TLS with this certificate and its chain, in PEM; read again when it is renewed',
    parse: parsePath,
  },
  { flags: '--tls-key <file>', about: 'the key of that certificate, in PEM', parse: parsePath },
  {
    flags: '--oidc <file>',
    about: 'the identity provider whose tokens count besides, and which groups hold which role',
    parse: parsePath,
  },
  {
    flags: '--oidc-secret-file <file>',
    about:
      'secret of this server’s client there (else $FAIRLEAD_SERVER_OIDC_SECRET, else a credential of systemd)',
    parse: parsePath,
  },
];
const DOWNLOADS: readonly OptionSpec[] = [
  {
    flags: '--repository-access <who>',
    about:
      'who may download packs: everybody, or enrolled agents; with enrolled-documents they alone get the documents too',
    choices: REPOSITORY_ACCESS,
    fallback: 'public',
  },
  {
    flags: '--download-key-file <file>',
    about: 'key of signed addresses, which a CDN or nginx can check; 32 signs or more',
    parse: parsePath,
  },
  {
    flags: '--download-url <url>',
    about: 'where enrolled agents are sent for packs, with a signed address',
    parse: parseUrl,
  },
];

/** What serves joins all parts of the program: its entry knows it. */
export function runOf(load: ServerCommand['load']): ServerCommand {
  return {
    name: 'run',
    about: 'serve until told to stop',
    example: 'run --dir /var/lib/fairlead-server',
    options: [...WHOLE, PASSPHRASE, ...LISTENING, ...DOWNLOADS],
    load,
  };
}

/** At once, beside a running server or without one. */
export const ON_DIRECTORY: readonly ServerCommand[] = [
  {
    name: 'migrate',
    about:
      'move what a stopped server keeps in its directory: the fleet into an empty PostgreSQL database, the repository to another place, or both',
    example: 'migrate --dir /var/lib/fairlead-server --to-file /etc/fairlead/database',
    options: [
      DIR,
      {
        flags: '--to <url>',
        about: 'the database, such as postgres://fairlead@db/fairlead',
        parse: parseDatabase,
      },
      {
        flags: '--to-file <file>',
        about: 'file with that address, password and all',
        excludes: ['to'],
        parse: parsePath,
      },
      ...REPOSITORY,
    ],
    load: async () => (await import('./migrate.ts')).migrate,
  },
  {
    name: 'token create',
    about: 'make a token and print it: it is never shown again',
    example: 'token create --dir /var/lib/fairlead-server --role viewer --name dashboard',
    options: [
      ...ON_FLEET,
      { flags: '--role <role>', about: 'what it may do', required: true, choices: TOKEN_ROLES },
      {
        flags: '--name <name>',
        about: 'who or what will use it, for the audit log',
        required: true,
        parse: parseLine,
      },
      {
        flags: '--valid-for <duration>',
        about: 'such as 90d or P90D',
        fallback: durationMs(TOKEN_LIFETIME),
        shown: TOKEN_LIFETIME,
        parse: parseSpan,
      },
    ],
    load: async () => (await import('./token.ts')).createToken,
  },
  {
    name: 'token list',
    about: 'show the tokens that are not revoked',
    example: 'token list --dir /var/lib/fairlead-server',
    options: ON_FLEET,
    load: async () => (await import('./token.ts')).printTokens,
  },
  {
    name: 'token revoke',
    about: 'revoke every token of this name, at once and for good',
    example: 'token revoke dashboard --dir /var/lib/fairlead-server',
    arguments: [{ name: '<name>', about: 'such as dashboard', parse: parseLine }],
    options: ON_FLEET,
    load: async () => (await import('./token.ts')).revokeToken,
  },
  {
    name: 'audit verify',
    about: 'walk the chain from its first entry, and hold it against the last checkpoint',
    example: 'audit verify --dir /var/lib/fairlead-server',
    options: [
      ...ON_FLEET,
      {
        flags: '--checkpoint <count:digest>',
        about: 'also hold it against this, as an earlier verify printed it',
        parse: parseCheckpoint,
      },
    ],
    load: async () => (await import('./inspect.ts')).verify,
  },
  {
    name: 'expiries',
    about: 'what ends when: metadata of each role, and tokens; fails when something ends soon',
    example: 'expiries --dir /var/lib/fairlead-server --within 60d',
    options: [
      ...WHOLE,
      {
        flags: '--within <duration>',
        about: 'how soon is soon',
        fallback: durationMs(WARN_DURATION),
        shown: WARN_DURATION,
        parse: parseSpan,
      },
    ],
    load: async () => (await import('./inspect.ts')).showExpiries,
  },
];
