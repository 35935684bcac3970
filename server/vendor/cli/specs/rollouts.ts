// The commands that offer a release to the fleet, watch it there, and stop it.
import { z } from 'zod';
import { type ArgumentSpec, InvalidArgumentError, type OptionSpec } from '../../../../shared/cli/command.ts';
import {
  parseDuration,
  parseField,
  parseInstant,
  parseLine,
  parseName,
  parsePath,
} from '../../../../shared/cli/values.ts';
import { PROPOSAL_STATUSES } from '../../../../shared/protocol/fleet-proposals.ts';
import { isHaltSpan } from '../../../../shared/schema/rollout.ts';
import { parseClass } from '../../core/class-text.ts';
import { parseShare } from '../../core/post-deploy.ts';
import { parseWaves } from '../../core/waves.ts';
import { A_CHANGE, FLEET_PLACE, REASON, type VendorCommand, WHY } from '../command.ts';

const CHANGE_OR_RELEASE: ArgumentSpec = { ...A_CHANGE, name: '<change-or-release>' };
const TRACK: OptionSpec = {
  flags: '--track <name>',
  about: 'only on this track (default: on every track it is offered to)',
  parse: parseName,
};
const OFFER: OptionSpec = { flags: '--track <name>', about: 'the track to offer it to', parse: parseName };
const CLASS: OptionSpec = {
  flags: '--class <class>',
  about: 'such as "region=eu os=debian:12|ubuntu"; given several times, installs of any of them',
  repeatable: true,
  parse: (text) => parseClass(text),
};
const SCHEDULE: readonly OptionSpec[] = [
  {
    flags: '--waves <list>',
    about:
      'shares of the fleet with delays, or of a class: "5%[region=eu],100%@PT24H" (default: 1%,10%@PT1H,100%@PT24H for more than a hundred installs, else 100%)',
    parse: parseWaves,
  },
  {
    flags: '--start <instant>',
    about: 'when the first wave opens, in UTC (default: now)',
    parse: parseInstant,
  },
  CLASS,
];
const LASTS: OptionSpec = {
  flags: '--for <duration>',
  about: 'such as 4h, at most 72h',
  fallback: parseDuration('PT24H'),
  shown: 'PT24H',
  parse: parseHaltSpan,
};

const OFFERS: readonly VendorCommand[] = [
  {
    name: 'rollout start',
    about: 'stage 5, Deploy: offer a release to a track in waves',
    example: 'rollout start CHG-7 --track stable --waves "1%,10%@PT1H,100%@PT24H"',
    kind: 'signs',
    arguments: [CHANGE_OR_RELEASE],
    options: [{ ...OFFER, fallback: 'stable' }, ...SCHEDULE],
    load: async () => (await import('../commands/rollout.ts')).start,
  },
  {
    name: 'rollout pause',
    about: 'offer it to nobody new',
    example: 'rollout pause core/auth@1.0.1',
    kind: 'signs',
    arguments: [CHANGE_OR_RELEASE],
    options: [TRACK, WHY],
    load: async () => (await import('../commands/rollout.ts')).pause,
  },
  {
    name: 'rollout resume',
    about: 'offer it again: ends a pause and a halt',
    example: 'rollout resume core/auth@1.0.1',
    kind: 'signs',
    arguments: [CHANGE_OR_RELEASE],
    options: [TRACK, WHY],
    load: async () => (await import('../commands/rollout.ts')).resume,
  },
];

const BRAKES: readonly VendorCommand[] = [
  {
    name: 'rollout halt',
    about: 'stop it at once, everywhere or for a class, for at most 72 hours, with the halts key',
    example: 'rollout halt core/auth@1.0.1 --reason "errors on login" --for PT24H',
    kind: 'signs',
    arguments: [CHANGE_OR_RELEASE],
    options: [REASON('shown to every operator'), LASTS, CLASS],
    load: async () => (await import('../commands/brake.ts')).halt,
  },
  {
    name: 'rollout guard',
    about: 'halt it when more go wrong than its change tolerates; looks once: run it by a timer',
    example: 'rollout guard CHG-7 --passphrase-file halts.pass',
    kind: 'signs',
    arguments: [CHANGE_OR_RELEASE],
    options: [
      {
        flags: '--halt-over <percent>',
        about: 'another share of deployments that may go wrong (default: the tolerance of the change)',
        parse: (text) => parseShare(text, '--halt-over'),
      },
      LASTS,
    ],
    load: async () => (await import('../commands/brake.ts')).guard,
  },
  {
    name: 'rollout status',
    about: 'where it is offered, and how it fares by reports of the agents',
    example: 'rollout status CHG-7',
    kind: 'reads',
    arguments: [CHANGE_OR_RELEASE],
    load: async () => (await import('../commands/brake.ts')).status,
  },
];

export const ROLLOUTS: readonly VendorCommand[] = [
  ...OFFERS,
  ...BRAKES,
  {
    name: 'promote',
    about: 'offer the same digest to another track, once its change is completed',
    example: 'promote core/auth@1.0.1 --track lts --waves "10%,100%@P1D"',
    kind: 'signs',
    arguments: [CHANGE_OR_RELEASE],
    options: [{ ...OFFER, required: true }, ...SCHEDULE],
    load: async () => (await import('../commands/rollout.ts')).promote,
  },
  {
    name: 'withdraw',
    about: 'install it nowhere any more; what runs stays',
    example: 'withdraw core/auth@1.0.1 --reason "loses sessions"',
    kind: 'signs',
    arguments: [{ ...CHANGE_OR_RELEASE, name: '<release>' }],
    options: [TRACK, WHY],
    load: async () => (await import('../commands/rollout.ts')).withdraw,
  },
  {
    name: 'trace',
    about: 'what was deployed, when and why',
    example: 'trace CHG-7',
    kind: 'reads',
    arguments: [
      {
        name: '<change-or-release-or-instance>',
        about: 'such as CHG-7, core/auth@1.0.1, or an install’s name or id',
        parse: parseLine,
      },
    ],
    options: [
      {
        flags: '--ledger <file...>',
        about:
          'logs of installs, from `fairlead audit export`: whether both sides say the same of each deployment',
        parse: parsePath,
      },
    ],
    load: async () => (await import('../commands/trace.ts')).trace,
  },
  {
    name: 'statements export',
    about: 'a signed in-toto statement of each stage that a change has passed; signs those that are not yet',
    example: 'statements export CHG-7',
    kind: 'signs',
    arguments: [{ ...CHANGE_OR_RELEASE, name: '<change>' }],
    load: async () => (await import('../commands/statements.ts')).exportStatements,
  },
  {
    name: 'statements verify',
    about:
      'whether a file of statements is the whole story of one change, each signed by a key of `releases`',
    example: 'statements verify statements/CHG-7.intoto.jsonl',
    kind: 'reads',
    arguments: [{ name: '<file>', about: 'one line of JSON for each statement', parse: parsePath }],
    options: [
      {
        flags: '--public-key <hex>',
        about: 'a key of `releases` (default: those that this workspace has ever had)',
        repeatable: true,
        parse: parseField(z.string().regex(/^[0-9a-f]{64}$/), '64 hexadecimal digits'),
      },
    ],
    load: async () => (await import('../commands/statements.ts')).verifyStatements,
  },
  {
    name: 'proposals',
    about: 'what was proposed to installs, and what became of it, the newest first',
    example: 'proposals --status queued',
    kind: 'reads',
    options: [
      { flags: '--instance <install>', about: 'of this one alone, by its name or id', parse: parseLine },
      { flags: '--status <status>', about: 'of this status alone', choices: PROPOSAL_STATUSES },
      ...FLEET_PLACE,
    ],
    load: async () => (await import('../commands/proposals.ts')).proposals,
  },
];

function parseHaltSpan(text: string): number {
  const ms = parseDuration(text);
  if (isHaltSpan(ms)) return ms;
  throw new InvalidArgumentError(
    'It must be a duration up to 72h; halt it again before it ends, or withdraw it.',
  );
}
