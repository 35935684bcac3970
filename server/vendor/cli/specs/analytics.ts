// The commands that look back at the fleet: how deployments ended, and how it stood over time.
import { InvalidArgumentError, type OptionSpec } from '../../../../shared/cli/command.ts';
import { parseComponent, parseDay, parseField, parseLine } from '../../../../shared/cli/values.ts';
import { DEPLOYMENT_DIMENSIONS, SAMPLE_KINDS } from '../../../../shared/protocol/analytics.ts';
import { version } from '../../../../shared/schema/common.ts';
import type { VendorCommand } from '../command.ts';

const DAYS_AS_CSV: readonly OptionSpec[] = [
  {
    flags: '--from <day>',
    about: 'such as 2026-11-01; 30 days before the last unless given',
    parse: parseDay,
  },
  { flags: '--to <day>', about: 'the last day; today unless given', parse: parseDay },
  { flags: '--csv', about: 'comma-separated values (RFC 4180), for a spreadsheet' },
];

export const ANALYTICS: readonly Omit<VendorCommand, 'kind'>[] = [
  {
    name: 'analytics deployments',
    about: 'how deployments ended and how long they took, of what and when',
    example: 'analytics deployments --by component,version --from 2026-11-01',
    options: [
      {
        flags: '--by <list>',
        about: `any of ${DEPLOYMENT_DIMENSIONS.join(', ')}`,
        fallback: 'component',
        parse: parseDimensions,
      },
      { flags: '--component <component>', about: 'of this alone', parse: parseComponent },
      {
        flags: '--of <version>',
        about: 'of this version alone',
        parse: parseField(version, 'a version such as 1.0.1'),
      },
      ...DAYS_AS_CSV,
    ],
    load: async () => (await import('../commands/analytics.ts')).deployments,
  },
  {
    name: 'analytics fleet',
    about: 'how the fleet stood over time: who was exposed, who complied with their policy, what ran',
    example: 'analytics fleet --kind running --name "core/auth 1.0.1"',
    options: [
      { flags: '--kind <kind>', about: 'of what', choices: SAMPLE_KINDS, fallback: 'exposed' },
      { flags: '--name <name>', about: 'of this severity, standing or version alone', parse: parseLine },
      ...DAYS_AS_CSV,
    ],
    load: async () => (await import('../commands/analytics.ts')).fleet,
  },
];

function parseDimensions(text: string): string {
  const asked = text.split(',');
  const isKnown = asked.every((name) => DEPLOYMENT_DIMENSIONS.some((dimension) => dimension === name));
  if (isKnown && new Set(asked).size === asked.length) return text;
  throw new InvalidArgumentError(`It must be some of ${DEPLOYMENT_DIMENSIONS.join(', ')}, with commas.`);
}
