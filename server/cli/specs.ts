// The commands of `fairlead-server`: what a person types, what it is for, what is loaded when it runs.
import type { CommandSpec } from '../../shared/cli/command.ts';
import { parseLine, parseNumber, parsePath, parseSpan, parseUrl } from '../../shared/cli/values.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { TOKEN_LIFETIME, TOKEN_ROLES } from '../../shared/protocol/fleet.ts';
import { WARN_DURATION } from '../core/expiry.ts';
import { OF_AUDIT } from './audit-specs.ts';
import { type CliContext, parseDatabase, parseReleaseOrPack } from './options.ts';
import { BACKUP, DIR, DRY_RUN, ON_FLEET, PASSPHRASE, REPOSITORY, RUN_OPTIONS, WHOLE } from './run-options.ts';

type ServerCommand = CommandSpec<CliContext>;

const OF_BACKUP: readonly ServerCommand[] = [
  {
    name: 'backup',
    about: 'make a backup now; a server that runs with --backup makes one every minute to five by itself',
    example:
      'backup --dir /var/lib/fairlead-server --backup /mnt/backups/fairlead --backup-key-file /etc/fairlead/backup.key',
    options: [...WHOLE, ...BACKUP],
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'restore',
    about: 'put a server together from its backups, in an empty directory',
    example:
      'restore --dir /var/lib/fairlead-server --backup /mnt/backups/fairlead --backup-key-file /etc/fairlead/backup.key',
    options: [
      ...WHOLE,
      ...BACKUP,
      PASSPHRASE,
      { flags: '--list', about: 'show the backups that are there, and restore nothing' },
      { flags: '--set <number>', about: 'this one in place of the newest', parse: parseNumber },
      { flags: '--replace', about: 'put aside what the directory holds, into a hidden one in it' },
    ],
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'drill',
    about:
      'try a restore of a fleet in a file beside the running server: prove it, measure it, and remove it again',
    example:
      'drill --dir /var/lib/fairlead-server --backup /mnt/backups/fairlead --backup-key-file /etc/fairlead/backup.key',
    options: [...WHOLE, ...BACKUP, PASSPHRASE],
    load: async () => (await import('./drill.ts')).runDrill,
  },
];

const MIRROR: ServerCommand = {
  name: 'mirror',
  about:
    'copy a vendor’s repository into a directory and prove every byte; any web server may serve it to installs',
  example:
    'mirror --from https://releases.example.com/repository --root 1.root.json --dir /srv/fairlead-mirror --every 5m',
  options: [
    { ...DIR, about: 'the mirror’s own; what is served is below repository/' },
    {
      flags: '--from <url>',
      about: 'the repository, or another mirror of it',
      required: true,
      parse: parseUrl,
    },
    {
      flags: '--root <file>',
      about: 'the vendor’s first root, which came over a trusted way',
      required: true,
      parse: parsePath,
    },
    { flags: '--every <duration>', about: 'again and again, such as 5m; once by default', parse: parseSpan },
    { flags: '--no-patches', about: 'leave out patches; installs fetch full packs from here' },
  ],
  load: async () => (await import('./mirror.ts')).mirror,
};

const RETENTION: readonly ServerCommand[] = [
  {
    name: 'retention list',
    about: 'until when each release stays to be had; fails where one no longer can be',
    example: 'retention list --dir /var/lib/fairlead-server',
    options: WHOLE,
    load: async () => (await import('./retention.ts')).listRetention,
  },
  {
    name: 'retention remove',
    about:
      'remove the files of releases that the vendor retired and no install needs, or a patch; shows them, unless --yes',
    example: 'retention remove core/auth@1.0.0 --dir /var/lib/fairlead-server',
    arguments: [
      {
        name: '<release...>',
        about: 'as retention list names it: core/auth@1.0.0, packs/TREE or packs/TREE/FROM.patch',
        parse: parseReleaseOrPack,
      },
    ],
    options: [
      ...WHOLE,
      { flags: '--yes', about: 'do it, for good; with the fleet in a file while its server is stopped' },
      { flags: '--unheard', about: 'even where installs never said what they run' },
    ],
    load: async () => (await import('./retention.ts')).removeReleases,
  },
];

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

/** What serves joins all parts of the program: its entry knows it. */
export function runOf(load: ServerCommand['load']): ServerCommand {
  return {
    name: 'run',
    about: 'serve until told to stop',
    example: 'run --dir /var/lib/fairlead-server',
    options: RUN_OPTIONS,
    load,
  };
}

/** At once, beside a running server or without one. */
export const ON_DIRECTORY: readonly ServerCommand[] = [
  {
    name: 'install',
    about:
      'run now and at every boot, as a service of systemd with an account of its own; takes what run takes',
    example:
      'install --dir /var/lib/fairlead-server --tls-cert /etc/ssl/fairlead.pem --tls-key /etc/ssl/fairlead.key',
    options: [...RUN_OPTIONS, DRY_RUN],
    load: async () => (await import('./install.ts')).install,
  },
  {
    name: 'reinstall',
    about: 'install that service again as it is, from this program; nothing where there is none',
    example: 'reinstall',
    load: async () => (await import('./install.ts')).reinstall,
  },
  {
    name: 'uninstall',
    about: 'stop and remove that service; the directory and the account stay',
    example: 'uninstall',
    options: [DRY_RUN],
    load: async () => (await import('./install.ts')).uninstall,
  },
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
  ...OF_BACKUP,
  MIRROR,
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
  ...OF_AUDIT,
  ...RETENTION,
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
