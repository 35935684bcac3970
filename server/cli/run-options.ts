// The options of `fairlead-server` that more than one command takes: on a directory, and for a server that runs.
import type { OptionSpec } from '../../shared/cli/command.ts';
import { parseField, parseLine, parsePath, parseUrl } from '../../shared/cli/values.ts';
import { mailAddress, RELAY_FORM, relayUrl } from '../../shared/schema/mail.ts';
import { REPOSITORY_ACCESS } from '../core/downloads.ts';
import { parseDatabase, parseHost, parseNetworks, parsePlace, parsePort } from './options.ts';

export const DIR: OptionSpec = {
  flags: '--dir <dir>',
  about: 'directory of the release server',
  required: true,
  parse: parsePath,
};
export const DATABASE: readonly OptionSpec[] = [
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
export const ON_FLEET = [DIR, ...DATABASE];
export const REPOSITORY: readonly OptionSpec[] = [
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
export const WHOLE = [...ON_FLEET, ...REPOSITORY];
export const BACKUP: readonly OptionSpec[] = [
  {
    flags: '--backup <place>',
    about:
      'where backups are kept: a directory on another disk, or s3://BUCKET/PREFIX with the keys in $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY',
    parse: parsePlace,
  },
  {
    flags: '--backup-file <file>',
    about: 'file with that place, keys and all (else $FAIRLEAD_SERVER_BACKUP, else a credential of systemd)',
    excludes: ['backup'],
    parse: parsePath,
  },
  {
    flags: '--backup-key-file <file>',
    about:
      'file with the key that seals backups, and older ones below it (else $FAIRLEAD_SERVER_BACKUP_KEY, else a credential of systemd)',
    parse: parsePath,
  },
];

export const PASSPHRASE: OptionSpec = {
  flags: '--passphrase-file <file>',
  about: 'passphrase of the signing keys (else $FAIRLEAD_SERVER_PASSPHRASE, else $FAIRLEAD_PASSPHRASE)',
  parse: parsePath,
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
const TELLING: readonly OptionSpec[] = [
  {
    flags: '--webhook-networks <networks>',
    about:
      'inner addresses and networks that webhooks may reach, by comma; with 127.0.0.1 also in the clear on this machine',
    parse: parseNetworks,
  },
  {
    flags: '--smtp <url>',
    about:
      'the relay that takes mail from here: smtp://mail.example.com (STARTTLS), smtps://mail.example.com, or in the clear on this machine smtp-clear://127.0.0.1',
    parse: parseField(relayUrl, RELAY_FORM),
  },
  {
    flags: '--mail-from <address>',
    about: 'whose mail it is, such as fairlead@example.com',
    parse: parseField(mailAddress, 'one address such as fairlead@example.com'),
  },
  { flags: '--smtp-user <name>', about: 'who the relay knows this server as', parse: parseLine },
  {
    flags: '--smtp-password-file <file>',
    about: 'file with its password there (else $FAIRLEAD_SERVER_SMTP_PASSWORD, else a credential of systemd)',
    parse: parsePath,
  },
  {
    flags: '--smtp-ca <file>',
    about: 'certificates in PEM that are believed of the relay, besides those that Node believes',
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

export const RUN_OPTIONS: readonly OptionSpec[] = [
  ...WHOLE,
  PASSPHRASE,
  ...BACKUP,
  ...LISTENING,
  ...DOWNLOADS,
  ...TELLING,
];

export const DRY_RUN: OptionSpec = {
  flags: '--dry-run',
  about: 'print every file and every command, and do nothing',
};
