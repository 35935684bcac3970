// The commands that answer an auditor: what became of each advisory, for one customer or the fleet, in any period.
import { InvalidArgumentError, type OptionSpec } from '../../../../shared/cli/command.ts';
import { parseLine, parsePath } from '../../../../shared/cli/values.ts';
import { type NamedPeriod, PERIOD_FORM, parsePeriod } from '../../../../shared/encoding/period.ts';
import { advisoryId } from '../../../../shared/schema/advisory.ts';
import type { VendorCommand } from '../command.ts';

const AS: readonly OptionSpec[] = [
  {
    flags: '--format <format>',
    about: 'markdown for people, csv for a spreadsheet, json with the evidence it rests on',
    choices: ['markdown', 'json', 'csv'],
    fallback: 'markdown',
  },
  { flags: '--output <file>', about: 'write it there, for this account alone', parse: parsePath },
];

export const REPORTS: readonly Omit<VendorCommand, 'kind'>[] = [
  {
    name: 'report compliance',
    about: 'which advisories hit the installs of a customer in a period, and what became of each',
    example: 'report compliance "Harbour hospitals" 2026-11',
    arguments: [
      { name: '<customer>', about: 'its name or id, as `customers` lists it', parse: parseLine },
      { name: '<period>', about: PERIOD_FORM, parse: period },
    ],
    options: AS,
    load: async () => (await import('../commands/report.ts')).compliance,
  },
  {
    name: 'report cra',
    about: 'who was exposed, told, offered and fixed: of one advisory, or of all in a period',
    example: 'report cra FL-2026-0003 --format json --output fl-2026-0003.json',
    arguments: [
      {
        name: '<advisory-or-period>',
        about: `an advisory, or a period: ${PERIOD_FORM}`,
        parse: advisoryOrPeriod,
      },
    ],
    options: AS,
    load: async () => (await import('../commands/report.ts')).cra,
  },
];

function period(text: string): NamedPeriod {
  const found = parsePeriod(text);
  if (found !== null) return found;
  throw new InvalidArgumentError(`It must be ${PERIOD_FORM}.`);
}

function advisoryOrPeriod(text: string): string | NamedPeriod {
  if (advisoryId.safeParse(text).success) return text;
  const found = parsePeriod(text);
  if (found !== null) return found;
  throw new InvalidArgumentError(`It must be an advisory such as FL-2026-0003, or a period: ${PERIOD_FORM}.`);
}
