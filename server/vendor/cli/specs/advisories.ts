// The commands about security advisories.
import type { OptionSpec } from '../../../../shared/cli/command.ts';
import {
  parseAdvisoryId,
  parseField,
  parseInstant,
  parseIsoDuration,
  parseLine,
  parsePath,
  parseUrl,
} from '../../../../shared/cli/values.ts';
import { cveId, SEVERITIES } from '../../../../shared/schema/advisory.ts';
import { advice, alias, REFERENCE_KINDS } from '../../../../shared/schema/advisory-details.ts';
import { cvssVector } from '../../../../shared/schema/cvss.ts';
import { parseAffected, parseFixed, parseReference } from '../../core/advisory-options.ts';
import { parsePlainWaves } from '../../core/waves.ts';
import { type VendorCommand, WHY } from '../command.ts';
import { parsePackage } from '../packages.ts';

const parseAdvice = parseField(
  advice,
  'a text of 1 to 5,000 characters, without control characters but line breaks',
);

/** What is said of an advisory. */
const WORDS: readonly OptionSpec[] = [
  { flags: '--id <id>', about: 'such as FL-2026-0003', parse: parseAdvisoryId },
  { flags: '--title <text>', about: 'one line', parse: parseLine },
  { flags: '--severity <level>', about: 'how bad it is; critical forces the fix', choices: SEVERITIES },
  {
    flags: '--cve <id>',
    about: 'CVE id',
    repeatable: true,
    parse: parseField(cveId, 'a CVE id such as CVE-2021-21297'),
  },
  {
    flags: '--affected <component:range>',
    about: 'such as "core/auth:<1.0.1"',
    repeatable: true,
    parse: parseAffected,
  },
  {
    flags: '--fixed <release>',
    about: 'such as core/auth@1.0.1; it must be released',
    repeatable: true,
    parse: parseFixed,
  },
  {
    flags: '--alias <id>',
    about: 'its name in another database, such as GHSA-jfh8-c2jp-5v3q',
    repeatable: true,
    parse: parseField(
      alias,
      'an id of another database such as GHSA-jfh8-c2jp-5v3q; a CVE id belongs to --cve',
    ),
  },
  {
    flags: '--cvss <vector>',
    about: 'CVSS vector of version 3.1 or 4.0, one of each',
    repeatable: true,
    parse: parseField(cvssVector, 'a CVSS vector such as CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'),
  },
  {
    flags: '--reference <url>',
    about: `where more is told, its kind in front: fix=https://example.com/1; kinds: ${REFERENCE_KINDS.join(', ')}`,
    repeatable: true,
    parse: parseReference,
  },
  { flags: '--impact <text>', about: 'what somebody can do with the hole', parse: parseAdvice },
  {
    flags: '--action <text>',
    about: 'what an operator should do besides taking the fix',
    parse: parseAdvice,
  },
  {
    flags: '--exploited-since <instant>',
    about: 'since when the hole is known to be in use; of a critical one it says --exploited too',
    parse: parseInstant,
  },
  {
    flags: '--notice <duration>',
    about: 'critical: how long local windows may still be waited for',
    parse: parseIsoDuration,
  },
  {
    flags: '--deadline <instant>',
    about: 'critical: from then on neither windows nor waves count',
    parse: parseInstant,
  },
  {
    flags: '--waves <list>',
    about:
      'critical: shares of the fleet with delays (default: "1%,100%@PT30M" for more than a hundred installs, else "100%")',
    parse: parsePlainWaves,
  },
  {
    flags: '--exploited',
    about: 'critical: the hole is in use already; forced at once unless --waves says else',
  },
];

const YES: OptionSpec = { flags: '--yes', about: 'do not ask before it is signed' };

const PUBLISH: readonly OptionSpec[] = [
  {
    flags: '--file <file>',
    about: 'the whole advisory as JSON, instead of the options below',
    parse: parsePath,
  },
  ...WORDS,
  YES,
];

const PACKAGES: readonly OptionSpec[] = [
  {
    flags: '--package <package=component>',
    about: 'which component a package is released as, such as "npm:node-red=core/editor"; also by purl',
    repeatable: true,
    parse: parsePackage,
  },
  {
    flags: '--packages <file>',
    about: 'the same for many, as JSON',
    parse: parsePath,
  },
];

const EXPORT: readonly OptionSpec[] = [
  {
    flags: '--format <format>',
    about: 'an OSV record, or a CSAF 2.0 document with VEX statuses',
    required: true,
    choices: ['osv', 'csaf'],
  },
  ...PACKAGES,
  {
    flags: '--publisher <text>',
    about: 'csaf: who publishes (default: publisher.json of the workspace)',
    parse: parseLine,
  },
  {
    flags: '--namespace <url>',
    about: 'csaf: an address of the publisher (default: publisher.json of the workspace)',
    parse: parseUrl,
  },
];

export const ADVISORIES: readonly VendorCommand[] = [
  {
    name: 'advisory publish',
    about: 'publish or replace an advisory; a critical one forces its fix',
    example:
      'advisory publish --id FL-2026-0003 --severity critical --affected "core/auth:<1.0.1" --fixed core/auth@1.0.1 ' +
      '--cve CVE-2026-1234 --title "Token reuse" --deadline 2026-12-31T00:00:00Z',
    kind: 'signs',
    options: PUBLISH,
    load: async () => (await import('../commands/advisory.ts')).publishAdvisory,
  },
  {
    name: 'advisory import',
    about: 'publish an advisory from an OSV record; what is typed counts before what it says',
    example:
      'advisory import GHSA-jfh8-c2jp-5v3q.json --package "npm:node-red=core/editor" --deadline 2026-12-31T00:00:00Z',
    kind: 'signs',
    arguments: [{ name: '<file>', about: 'the record, or - for standard input', parse: parsePath }],
    options: [...PACKAGES, ...WORDS, YES],
    load: async () => (await import('../commands/advisory-import.ts')).importAdvisory,
  },
  {
    name: 'advisory export',
    about: 'a published advisory as scanners and other programs read it, on standard output',
    example: 'advisory export FL-2026-0003 --format csaf > fl-2026-0003.json',
    kind: 'reads',
    arguments: [{ name: '<id>', about: 'such as FL-2026-0003', parse: parseAdvisoryId }],
    options: EXPORT,
    load: async () => (await import('../commands/advisory-export.ts')).exportAdvisory,
  },
  {
    name: 'advisory withdraw',
    about: 'it forces nothing any more; what was installed stays',
    example: 'advisory withdraw FL-2026-0003',
    kind: 'signs',
    arguments: [{ name: '<id>', about: 'such as FL-2026-0003', parse: parseAdvisoryId }],
    options: [WHY],
    load: async () => (await import('../commands/advisory.ts')).withdrawAdvisory,
  },
];
