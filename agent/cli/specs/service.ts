// The commands of the service on this host, `agent run` apart: enrol it, install it.
import { type ArgumentSpec, InvalidArgumentError, type OptionSpec } from '../../../shared/cli/command.ts';
import {
  parseField,
  parseIsoDuration,
  parseLine,
  parseName,
  parsePath,
  parseUrl,
} from '../../../shared/cli/values.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { DRIVER_NAMES } from '../../../shared/schema/drivers/drivers.ts';
import { mailAddress, RELAY_FORM, relayUrl } from '../../../shared/schema/mail.ts';
import type { DriverName } from '../../ports/deploy.ts';
import type { AgentCommand } from './common.ts';

const STRING: ArgumentSpec = {
  name: '[string]',
  about: 'the string, or - to read it from standard input, where no other account sees it',
  parse: parsePath,
};

const NAME: OptionSpec = {
  flags: '--name <name>',
  about: 'how the vendor sees this host; its own name by default',
  parse: parseLine,
};
const DRY_RUN: OptionSpec = {
  flags: '--dry-run',
  about: 'print every file and every command, and do nothing',
};
const ENROLLING: readonly OptionSpec[] = [
  { flags: '--file <path>', about: 'read the string from a file', parse: parsePath },
  NAME,
];

export const DRIVERS: OptionSpec = {
  flags: '--drivers <list>',
  about: 'what may run services here, by comma, of process, systemd, command, compose; all by default',
  parse: parseDrivers,
};

/** Each once, in the order in which they are named here. */
function parseDrivers(text: string): readonly DriverName[] {
  const words = text.split(',').map((word) => word.trim());
  const named = DRIVER_NAMES.filter((name) => words.includes(name));
  if (words.length > 0 && words.every((word) => DRIVER_NAMES.some((name) => name === word))) return named;
  throw new InvalidArgumentError(`It must be of ${DRIVER_NAMES.join(', ')}, by comma.`);
}

/** Nothing else of what is fetched there is believed than what the vendor has signed. */
function parseMirrors(text: string): readonly string[] | null {
  if (text.trim() === 'listed') return null;
  if (text.trim() === 'none') return [];
  const urls = text.split(',').map((one) => one.trim().replace(/\/$/, ''));
  if (urls.every((one) => URL.parse(one)?.protocol.startsWith('http') === true)) return urls;
  throw new InvalidArgumentError(
    'It must be addresses such as https://mirror.example/repository, by comma, or none, or listed.',
  );
}

const NETWORK: readonly OptionSpec[] = [
  {
    flags: '--proxy-file <file>',
    about: 'file with the proxy, such as http://NAME:PASSWORD@proxy:3128; it is kept where root alone reads',
    parse: parsePath,
  },
  {
    flags: '--direct <hosts>',
    about:
      'what is asked without the proxy, by comma: hosts with all below them, host:port, addresses, networks',
    parse: parseLine,
  },
  { flags: '--ca <file>', about: 'certificates to believe besides, in PEM', parse: parsePath },
  { flags: '--system-ca', about: 'believe the certificates of this machine too' },
  { flags: '--client-cert <file>', about: 'certificate that this install shows, in PEM', parse: parsePath },
  { flags: '--client-key <file>', about: 'the key of that certificate, in PEM', parse: parsePath },
  {
    flags: '--mirrors <urls>',
    about:
      'copies of the vendor’s repository, by comma, nearest first, in place of those that it names: files are fetched there, all else where the server fails; none: the server alone; listed: those that the vendor names',
    parse: parseMirrors,
  },
];

/** No shell takes it apart: what is between blanks is one word, or it is a JSON array of words. */
function parseProgram(text: string): readonly string[] {
  const words: unknown = text.startsWith('[') ? parseWords(text) : text.trim().split(/ +/);
  const isWhole = Array.isArray(words) && words.length > 0 && words.length <= 64;
  if (isWhole && words.every(isWord) && String(words[0]).startsWith('/')) return words;
  throw new InvalidArgumentError('It must be such as /usr/local/bin/page, or a JSON array of words.');
}

function parseWords(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isWord(word: unknown): word is string {
  return (
    typeof word === 'string' && word !== '' && word.length <= 1_000 && word === sanitizeLine(word, 1_000)
  );
}

const NOTIFY: readonly OptionSpec[] = [
  { flags: '--webhook <url>', about: 'an address that is sent notices', parse: parseUrl },
  {
    flags: '--webhook-secret-file <file>',
    about: 'file with the secret that signs them, whsec_…; it is kept where root alone reads',
    parse: parsePath,
  },
  {
    flags: '--program <words>',
    about: 'a program that is started with the notices on its standard input, without a shell',
    parse: parseProgram,
  },
  {
    flags: '--program-user <account>',
    about: 'the account as which it runs; nobody unless given',
    parse: parseName,
  },
  {
    flags: '--mail <address>',
    about: 'somebody who is told by mail',
    parse: parseField(mailAddress, 'one address such as ops@example.com'),
  },
  {
    flags: '--smtp <url>',
    about:
      'the relay that takes it: smtp://mail.example.com (STARTTLS), smtps://mail.example.com, or in the clear on this machine smtp-clear://127.0.0.1',
    parse: parseField(relayUrl, RELAY_FORM),
  },
  {
    flags: '--mail-from <address>',
    about: 'whose mail it is',
    parse: parseField(mailAddress, 'one address such as fairlead@example.com'),
  },
  { flags: '--smtp-user <name>', about: 'who the relay knows this install as', parse: parseLine },
  {
    flags: '--smtp-password-file <file>',
    about: 'file with the password there; it is kept where root alone reads',
    parse: parsePath,
  },
  {
    flags: '--textfile <dir>',
    about: 'directory of node_exporter’s textfile collector, which gets fairlead.prom',
    parse: parsePath,
  },
  {
    flags: '--again <duration>',
    about: 'after so long what still stands is told again; a day unless given',
    parse: parseIsoDuration,
  },
  { flags: '--test', about: 'let the agent that runs tell everybody something now, and say what came of it' },
  { flags: '--clear', about: 'forget what was said before' },
];

export const SERVICE: readonly AgentCommand[] = [
  {
    name: 'agent install',
    about: 'run now and at every boot, as a service of systemd; again after the program was replaced',
    example: 'agent install --enroll - <enrolment.txt',
    options: [
      {
        flags: '--enroll <string>',
        about: 'join the vendor’s fleet with this string, or - to read it from standard input',
        parse: parsePath,
      },
      {
        flags: '--enroll-file <path>',
        about: 'the same, with the string in a file',
        excludes: ['enroll'],
        parse: parsePath,
      },
      NAME,
      DRIVERS,
      ...NETWORK,
      DRY_RUN,
    ],
    answer: async () => (await import('../commands/install.ts')).installAnswer,
    load: async () => (await import('../commands/install.ts')).install,
  },
  {
    name: 'agent reinstall',
    about: 'install the service again as it is, from this program; nothing where there is none',
    example: 'agent reinstall',
    answer: async () => (await import('../commands/install.ts')).installAnswer,
    load: async () => (await import('../commands/reinstall.ts')).reinstall,
  },
  {
    name: 'agent uninstall',
    about: 'stop and remove that service; the state and the services it started stay',
    example: 'agent uninstall',
    options: [DRY_RUN],
    answer: async () => (await import('../commands/uninstall.ts')).uninstallAnswer,
    load: async () => (await import('../commands/uninstall.ts')).uninstall,
  },
  {
    name: 'agent network',
    about: 'how the vendor’s server is reached from here; without options what was said',
    example: 'agent network --proxy-file /root/proxy --direct 10.0.0.0/8,.example.internal',
    options: [...NETWORK, { flags: '--clear', about: 'forget what was said before' }],
    answer: async () => (await import('../commands/network.ts')).networkAnswer,
    load: async () => (await import('../commands/network.ts')).network,
  },
  {
    name: 'agent notify',
    about: 'who hears of alarms here and of what waits for a person; without options what was said',
    example: 'agent notify --webhook https://pager.example/fairlead --webhook-secret-file /root/pager --test',
    options: NOTIFY,
    answer: async () => (await import('../commands/notify.ts')).notifyAnswer,
    load: async () => (await import('../commands/notify.ts')).notify,
  },
  {
    name: 'agent enroll',
    about: 'join the vendor’s fleet with the string the vendor sent',
    example: 'agent enroll - <enrolment.txt',
    arguments: [STRING],
    options: ENROLLING,
    answer: async () => (await import('../commands/enroll.ts')).enrollAnswer,
    load: async () => (await import('../commands/enroll.ts')).enroll,
  },
  {
    name: 'agent move',
    about: 'go to another server of the same vendor, or part a copy from its original; while no agent runs',
    example: 'agent move - <enrolment.txt',
    arguments: [STRING],
    options: [
      ...ENROLLING,
      { flags: '--copy', about: 'the original goes on under its identity; tell its server nothing' },
    ],
    answer: async () => (await import('../commands/move.ts')).moveAnswer,
    load: async () => (await import('../commands/move.ts')).move,
  },
];
