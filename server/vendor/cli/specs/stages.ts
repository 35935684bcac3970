// The commands of the stages from a change to a signed release, in the order in which a release meets them.
import { DEFAULT_TOLERANCE } from '../../../../shared/change/judge.ts';
import { type ArgumentSpec, InvalidArgumentError } from '../../../../shared/cli/command.ts';
import {
  parseComponent,
  parseExactVersion,
  parseLine,
  parsePath,
  parseUrl,
} from '../../../../shared/cli/values.ts';
import { parseShare } from '../../core/post-deploy.ts';
import { parseQuorum } from '../../core/roles.ts';
import { A_CHANGE, REASON, type VendorCommand } from '../command.ts';
import { ARTIFACT } from './artifact.ts';

const CHANGE: ArgumentSpec = { ...A_CHANGE, name: '<change>' };

const INIT: VendorCommand = {
  name: 'init',
  about: 'make a workspace: keys, an empty signed repository, published to the server',
  example: 'init --server https://releases.example.com --token-file publisher.token --quorum root=2/3',
  kind: 'signs',
  options: [
    { flags: '--server <url>', about: 'base URL of the release server', required: true, parse: parseUrl },
    {
      flags: '--token-file <file>',
      about: "the server's publisher token; only its path is kept",
      required: true,
      parse: parsePath,
    },
    {
      flags: '--quorum <role=k/n>',
      about:
        'make n keys for a role, k of which must sign (default 1/1); roles: root, targets, security, halts, releases',
      repeatable: true,
      parse: parseQuorum,
    },
  ],
  load: async () => (await import('../commands/init.ts')).init,
};

const INTAKE: readonly VendorCommand[] = [
  {
    name: 'change open',
    about: 'stage 1, Change Intake: a change to one component, traceable to a source revision',
    example:
      'change open --component core/auth --version 1.0.1 --revision git:9f1c2ab --scope "fix token reuse"',
    kind: 'writes',
    options: [
      {
        flags: '--component <name>',
        about: 'platform, SUITE or SUITE/CAPABILITY',
        required: true,
        parse: parseComponent,
      },
      {
        flags: '--version <version>',
        about: 'the version to release: new, never used again',
        required: true,
        parse: parseExactVersion,
      },
      {
        flags: '--revision <text>',
        about: 'the source revision, such as git:9f1c2ab',
        required: true,
        parse: parseLine,
      },
      { flags: '--scope <text>', about: 'what changes, in one line', required: true, parse: parseLine },
      {
        flags: '--tolerance <share>',
        about: 'share of the deployments that may go wrong through the release; fixed from here on',
        fallback: DEFAULT_TOLERANCE,
        parse: (text) => {
          parseShare(text, '--tolerance');
          return text;
        },
      },
    ],
    load: async () => (await import('../commands/change.ts')).open,
  },
  {
    name: 'change list',
    about: 'every change with the stage it is due for',
    example: 'change list',
    kind: 'reads',
    load: async () => (await import('../commands/change.ts')).list,
  },
  {
    name: 'change show',
    about: 'one change with the time of each stage',
    example: 'change show CHG-7',
    kind: 'reads',
    arguments: [CHANGE],
    load: async () => (await import('../commands/change.ts')).show,
  },
  {
    name: 'change abandon',
    about: 'give up a change of which nothing is released; its version is free again',
    example: 'change abandon CHG-7 --reason "built from the wrong directory"',
    kind: 'writes',
    arguments: [CHANGE],
    options: [REASON('kept in the record and the audit')],
    load: async () => (await import('../commands/change.ts')).abandon,
  },
];

const COMPLETE: VendorCommand = {
  name: 'change complete',
  about: 'stages 6 and 7: verify on the fleet, then complete, or withdraw and record the rollback',
  example: 'change complete CHG-7 --at-least 3',
  kind: 'signs',
  arguments: [CHANGE],
  options: [
    {
      flags: '--at-least <n>',
      about: 'instances that must have committed the release',
      fallback: 1,
      parse: parseInstances,
    },
    {
      flags: '--acknowledge',
      about: 'complete although machines failed by themselves, or fell silent, beyond the tolerance',
    },
    { flags: '--reason <text>', about: 'with --acknowledge: why, for the record', parse: parseLine },
  ],
  load: async () => (await import('../commands/complete.ts')).complete,
};

export const STAGES: readonly VendorCommand[] = [INIT, ...INTAKE, COMPLETE, ...ARTIFACT];

function parseInstances(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number from 1.');
}
