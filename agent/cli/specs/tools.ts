// The commands around an install: its facts, the outbox, the audit log, the doctor.
import {
  AGAINST,
  parseCheckpoint,
  parseComponent,
  parseField,
  parseInstant,
  parsePath,
  parseUrl,
} from '../../../shared/cli/values.ts';
import { factValue, SAID_FACTS } from '../../../shared/schema/classes.ts';
import { type AgentCommand, REASON, YES } from './common.ts';

/** An address takes no password: it would stand in every complaint about it. */
const parseSource = (text: string): string => (text.includes('://') ? parseUrl(text) : parsePath(text));

const parseFactValue = parseField(
  factValue,
  'lower-case names such as eu-west or postgresql:16, with commas between them',
);
const parseFactValues = (text: string): readonly string[] =>
  text.toLowerCase().split(',').map(parseFactValue);

const FACT = { name: '<fact>', about: 'what it is about', choices: SAID_FACTS };

const FACTS: readonly AgentCommand[] = [
  {
    name: 'facts list',
    about: 'what this install is, and who says so',
    example: 'facts list',
    answer: async () => (await import('../../../shared/protocol/facts.ts')).factsReply,
    load: async () => (await import('../commands/facts.ts')).listFacts,
  },
  {
    name: 'facts set',
    about: 'say what only you know of it',
    example: 'facts set database postgresql:16 --reason "moved in May"',
    arguments: [
      FACT,
      { name: '<list>', about: 'such as eu-west, or postgresql:16,redis:7', parse: parseFactValues },
    ],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/facts.ts')).factsReply,
    load: async () => (await import('../commands/facts.ts')).setFact,
  },
  {
    name: 'facts unset',
    about: 'take it back: it is not known any more',
    example: 'facts unset region --reason "it moves about"',
    arguments: [FACT],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/facts.ts')).factsReply,
    load: async () => (await import('../commands/facts.ts')).unsetFact,
  },
];

export const TOOLS: readonly AgentCommand[] = [
  ...FACTS,
  {
    name: 'outbox',
    about: 'everything that leaves this machine for the vendor, byte by byte, and what waits to',
    example: 'outbox',
    answer: async () => (await import('../commands/outbox.ts')).outboxAnswer,
    load: async () => (await import('../commands/outbox.ts')).outbox,
  },
  {
    name: 'reporting set',
    about: 'say whether anything about this install is told to the vendor; updates go on either way',
    example: 'reporting set off --reason "no data leaves this site"',
    arguments: [{ name: '<reporting>', about: 'on or off', choices: ['on', 'off'] }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/sent.ts')).reportingReply,
    load: async () => (await import('../commands/outbox.ts')).setReporting,
  },
  {
    name: 'doctor',
    about: 'look at everything that could keep this install from updating; exit 1 when something does',
    example: 'doctor',
    answer: async () => (await import('../commands/doctor.ts')).doctorAnswer,
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  {
    name: 'verify-download',
    about: 'whether downloaded files are what the vendor released; exit 5 when one is not',
    example: 'verify-download fairlead_1.0.0_amd64.deb --root root.json --from https://releases.example.com',
    arguments: [{ name: '<file...>', about: 'the files, by whatever name', parse: parsePath }],
    options: [
      {
        flags: '--root <file>',
        about: 'the vendor’s root metadata, which came to you another way than the files',
        required: true,
        parse: parsePath,
      },
      {
        flags: '--from <place>',
        about: 'address of the vendor’s server, or a directory with a copy of its repository',
        required: true,
        parse: parseSource,
      },
      {
        flags: '--component <component>',
        about: 'what the files are released as',
        fallback: 'fairlead/downloads',
        parse: parseComponent,
      },
      {
        flags: '--as-of <time>',
        about: 'hold signatures against this time: for a copy that took longer than they last',
        parse: parseInstant,
      },
    ],
    answer: async () => (await import('../commands/verify-download.ts')).verifyDownloadAnswer,
    load: async () => (await import('../commands/verify-download.ts')).verifyDownload,
  },
  {
    name: 'audit verify',
    about: 'check that no entry was changed, added or removed, and that it is the log the server signed for',
    example: 'audit verify',
    arguments: [
      {
        name: '[file]',
        about: 'an exported log to check instead of this instance’s; of a server or a vendor too',
        parse: parsePath,
      },
    ],
    options: [
      ...AGAINST,
      {
        flags: '--checkpoint <text>',
        about: 'as an earlier verification printed it: betrays a log that was rewritten',
        parse: parseCheckpoint,
      },
    ],
    answer: async () => (await import('../commands/audit.ts')).auditVerifiedAnswer,
    load: async () => (await import('../commands/audit.ts')).verifyAudit,
  },
  {
    name: 'audit export',
    about: 'one JSON object a line; from the disk while no agent runs',
    example: 'audit export audit.jsonl',
    arguments: [{ name: '[file]', about: 'where to; standard output by default', parse: parsePath }],
    answer: async () => (await import('../commands/audit.ts')).auditExportedAnswer,
    load: async () => (await import('../commands/audit.ts')).exportAudit,
  },
  {
    name: 'audit receipts',
    about: 'what the server signed of its own audit log and of this one, to hold either against it',
    example: 'audit receipts receipts.jsonl',
    arguments: [{ name: '[file]', about: 'where to; standard output by default', parse: parsePath }],
    answer: async () => (await import('../commands/audit.ts')).receiptsExportedAnswer,
    load: async () => (await import('../commands/audit.ts')).exportReceipts,
  },
];
