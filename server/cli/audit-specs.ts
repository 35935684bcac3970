// The commands of `fairlead-server audit`: what a person types, what it is for, what is loaded when it runs.
import type { ArgumentSpec, CommandSpec } from '../../shared/cli/command.ts';
import { AGAINST, parseCheckpoint, parseField, parsePath } from '../../shared/cli/values.ts';
import { instanceId } from '../../shared/protocol/report.ts';
import type { CliContext } from './options.ts';
import { ON_FLEET, WHOLE } from './run-options.ts';

const TO_FILE: ArgumentSpec = { name: '<file>', about: 'where to; it must not be there', parse: parsePath };

export const OF_AUDIT: readonly CommandSpec<CliContext>[] = [
  {
    name: 'audit verify',
    about:
      'walk the chain from its first entry, and hold it against the last checkpoint and what installs keep of it',
    example: 'audit verify --dir /var/lib/fairlead-server --against receipts.jsonl',
    arguments: [
      {
        name: '[file]',
        about: 'an exported log in place of the database’s; of an install or a vendor too',
        parse: parsePath,
      },
    ],
    options: [
      ...WHOLE,
      {
        flags: '--checkpoint <count:digest>',
        about: 'also hold it against this, as an earlier verify printed it',
        parse: parseCheckpoint,
      },
      ...AGAINST,
    ],
    load: async () => (await import('./inspect.ts')).verify,
  },
  {
    name: 'audit export',
    about: 'one JSON object a line, and a last one that says how many there are',
    example: 'audit export server.jsonl --dir /var/lib/fairlead-server',
    arguments: [TO_FILE],
    options: ON_FLEET,
    load: async () => (await import('./ledger.ts')).exportLog,
  },
  {
    name: 'audit heads',
    about: 'the heads of installs’ logs that the server keeps, to hold such a log against them',
    example: 'audit heads heads.jsonl --dir /var/lib/fairlead-server',
    arguments: [TO_FILE],
    options: [
      ...ON_FLEET,
      {
        flags: '--instance <id>',
        about: 'of this install alone',
        parse: parseField(instanceId, 'the id of an install'),
      },
    ],
    load: async () => (await import('./ledger.ts')).exportHeads,
  },
];
