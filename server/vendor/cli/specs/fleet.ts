// The commands about the fleet: asked of its server, none of the workspace; writes need a token of the role operator.
import type { ArgumentSpec, OptionSpec } from '../../../../shared/cli/command.ts';
import {
  PIN_VERSION,
  parseComponent,
  parseField,
  parseInstant,
  parseIsoDuration,
  parseLine,
  parseName,
  parsePath,
  parsePinVersion,
  parseRollbackTo,
  parseSince,
  parseTarget,
} from '../../../../shared/cli/values.ts';
import { customerId } from '../../../../shared/protocol/customers.ts';
import { STANDINGS } from '../../../../shared/protocol/instances.ts';
import { enrolmentId } from '../../../../shared/protocol/publication.ts';
import { proposalId } from '../../../../shared/schema/proposal.ts';
import { FLEET_PLACE, REASON, type VendorCommand } from '../command.ts';
import { ACCESS } from './access.ts';
import { ANALYTICS } from './analytics.ts';
import { REPORTS } from './reports.ts';
import { TELLING } from './telling.ts';

const INSTALL: ArgumentSpec = { name: '<install>', about: 'its name or id', parse: parseLine };

const TO: readonly OptionSpec[] = [
  { flags: '--instance <install>', about: 'to this one, by its name or id', parse: parseLine },
  { flags: '--group <group>', about: 'to everybody in this group', parse: parseName },
  REASON('why; its admin reads it'),
  { flags: '--expires <instant>', about: 'in thirty days unless given', parse: parseInstant },
];

type FleetCommand = Omit<VendorCommand, 'kind'>;

const COMPONENT: ArgumentSpec = {
  name: '<component>',
  about: 'platform, a suite, or a capability such as core/auth',
  parse: parseComponent,
};

const PROPOSE: readonly FleetCommand[] = [
  {
    name: 'propose deploy',
    about: 'propose to deploy what is on offer, or a release',
    example: 'propose deploy core/auth@1.0.1 --group pilots --reason "fixes your ticket"',
    arguments: [{ name: '[release]', about: 'such as core/auth@1.0.1', parse: parseTarget }],
    options: TO,
    load: async () => (await import('../commands/propose.ts')).deploy,
  },
  {
    name: 'propose pin',
    about: 'propose a pin',
    example: 'propose pin core/auth "~1.2" --instance "Example Ltd, Oslo" --reason "certified with 1.2"',
    arguments: [COMPONENT, { name: '<version>', about: PIN_VERSION, parse: parsePinVersion }],
    options: TO,
    load: async () => (await import('../commands/propose.ts')).pin,
  },
  {
    name: 'propose unpin',
    about: 'propose to take a pin away',
    example: 'propose unpin core/auth --group pilots --reason "1.3 is certified"',
    arguments: [COMPONENT],
    options: TO,
    load: async () => (await import('../commands/propose.ts')).unpin,
  },
  {
    name: 'propose rollback',
    about: 'propose to go back to the generation before, or to what is named',
    example: 'propose rollback --instance "Example Ltd, Oslo" --reason "until 1.3.1 is out"',
    options: [
      {
        flags: '--to <target>',
        about: 'a generation, or a version that ran, such as core/auth@1.0.0',
        parse: parseRollbackTo,
      },
      ...TO,
    ],
    load: async () => (await import('../commands/propose.ts')).rollback,
  },
  {
    name: 'propose policy',
    about: 'propose a template: its channel, and its windows where it has some',
    example: 'propose policy quiet-nights --group hospitals --reason "as agreed"',
    arguments: [{ name: '<template>', about: 'its name', parse: parseName }],
    options: TO,
    load: async () => (await import('../commands/propose.ts')).policy,
  },
  {
    name: 'proposals withdraw',
    about: 'take back a proposal that nobody has answered for good',
    example: 'proposals withdraw 7c1be6a8-52c1-4c0e-9d1c-0d1e8f4e2a77',
    arguments: [
      { name: '<id>', about: 'as `proposals` lists it', parse: parseField(proposalId, 'a proposal’s id') },
    ],
    load: async () => (await import('../commands/propose.ts')).withdraw,
  },
];

const ACTS: readonly FleetCommand[] = [
  {
    name: 'instances isolate',
    about: 'take no word from an install any more; it stays in sight, and goes on by its own policy',
    example: 'instances isolate "Example Ltd, Oslo" --reason "reports what nobody released"',
    arguments: [INSTALL],
    options: [REASON('why; kept in the server’s audit log')],
    load: async () => (await import('../commands/instances.ts')).isolate,
  },
  {
    name: 'instances restore',
    about: 'let an install in again that was isolated or retired',
    example: 'instances restore "Example Ltd, Oslo" --reason rebuilt',
    arguments: [INSTALL],
    options: [REASON('why; kept in the server’s audit log')],
    load: async () => (await import('../commands/instances.ts')).restore,
  },
  {
    name: 'instances retire',
    about: 'count on an install no longer; its history stays',
    example: 'instances retire "Example Ltd, Oslo" --reason decommissioned',
    arguments: [INSTALL],
    options: [REASON('why; kept in the server’s audit log')],
    load: async () => (await import('../commands/instances.ts')).retire,
  },
  {
    name: 'instances evidence',
    about: 'what the server knows of an install, as one file whose digest its audit log keeps',
    example: 'instances evidence "Example Ltd, Oslo" --file oslo.json',
    arguments: [INSTALL],
    options: [{ flags: '--file <file>', about: 'where to write it', required: true, parse: parsePath }],
    load: async () => (await import('../commands/instances.ts')).evidence,
  },
  {
    name: 'instances sbom',
    about: 'what an install is made of, package by package, as one CycloneDX document',
    example: 'instances sbom "Example Ltd, Oslo" --file oslo.cdx.json',
    arguments: [INSTALL],
    options: [{ flags: '--file <file>', about: 'where to write it', required: true, parse: parsePath }],
    load: async () => (await import('../commands/install-sbom.ts')).installSbom,
  },
  {
    name: 'instances verify',
    about: 'whether a file of evidence is as the server gave it out',
    example: 'instances verify oslo.json',
    arguments: [{ name: '<file>', about: 'from `instances evidence`', parse: parsePath }],
    load: async () => (await import('../commands/instances.ts')).verify,
  },
];

const LISTS: readonly FleetCommand[] = [
  {
    name: 'fleet',
    about: 'whether a person is needed: exposed, failing, silent, blocked by whom and why, waiting',
    example: 'fleet --silent 4h',
    options: [
      {
        flags: '--silent <duration>',
        about: 'who was not heard for so long is silent',
        fallback: 'P1D',
        parse: parseIsoDuration,
      },
    ],
    load: async () => (await import('../commands/fleet.ts')).fleet,
  },
  ...ANALYTICS,
  ...REPORTS,
  {
    name: 'events',
    about: 'what happened in the fleet: deployments, who needs somebody, silence, what people did',
    example: 'events --since 2h',
    options: [
      { flags: '--since <span>', about: 'such as 2h, or an instant; a day unless given', parse: parseSince },
      { flags: '--instance <install>', about: 'of this one, by its name or id', parse: parseLine },
      { flags: '--follow', about: 'what happens from now on, until interrupted' },
    ],
    load: async () => (await import('../commands/events.ts')).events,
  },
  {
    name: 'instances',
    about: 'the installs by name, the retired ones left out',
    example: 'instances --standing isolated',
    options: [
      { flags: '--standing <standing>', about: 'of these alone', choices: [...STANDINGS, 'any'] },
      {
        flags: '--customer <id>',
        about: 'of this customer alone, by its id',
        parse: parseField(customerId, 'a customer’s id, as `customers` lists it'),
      },
    ],
    load: async () => (await import('../commands/instances.ts')).list,
  },
  {
    name: 'instance',
    about: 'one install: what runs there, and what is wrong with it',
    example: 'instance "Example Ltd, Oslo"',
    arguments: [INSTALL],
    load: async () => (await import('../commands/instances.ts')).show,
  },
  {
    name: 'enrolment list',
    about: 'codes that no install has redeemed',
    example: 'enrolment list',
    load: async () => (await import('../commands/access.ts')).listEnrolments,
  },
  {
    name: 'enrolment revoke',
    about: 'take back a code that no install has redeemed',
    example: 'enrolment revoke 9f86d081884c7d659a2feaa0c55ad015',
    arguments: [
      {
        name: '<id>',
        about: 'as `enrolment list` shows it',
        parse: parseField(enrolmentId, 'an id of 32 hexadecimal digits, as enrolment list shows it'),
      },
    ],
    load: async () => (await import('../commands/access.ts')).revokeEnrolment,
  },
];

export const FLEET: readonly VendorCommand[] = [...LISTS, ...TELLING, ...ACCESS, ...ACTS, ...PROPOSE].map(
  (command) => ({
    ...command,
    kind: 'reads',
    options: [...(command.options ?? []), ...FLEET_PLACE],
  }),
);
