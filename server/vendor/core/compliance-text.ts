// The report of compliance for people and for spreadsheets: Markdown and CSV, in which no name of anybody makes markup or a formula.
import { type EpochMs, formatDuration } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import { formatCsv } from '../../../shared/present/table.ts';
import type { ComplianceExposure, ComplianceInstall } from '../../../shared/protocol/compliance.ts';
import type { ComplianceReport } from './compliance-report.ts';
import { type CaseCounts, firstPublished, isUnheard, knownPart, tookMs } from './compliance-summary.ts';

const TITLES = { compliance: 'Compliance of', cra: 'Security updates:' } as const;

export function formatMarkdown(report: ComplianceReport): readonly string[] {
  const { kind, subject, period, summary, server } = report;
  return [
    `# ${TITLES[kind]} ${plain(subject)}`,
    '',
    `From ${period.from} up to ${period.to}, by what installs reported to the server${server === null ? '' : `, whose log had ${count(server.count, 'entry', 'entries')} at ${server.at}`}.`,
    'Each number counts advisories on installs. An install that was not heard is not counted as fixed.',
    '',
    `${count(summary.installs, 'install')}, ${summary.affected} affected by one of ${count(report.advisories.length, 'advisory', 'advisories')}; of ${summary.unheard} nothing is known in the period, of ${summary.partly} only a part of it.`,
    '',
    ...table(
      ['Advisory', 'Severity', 'Published', ...COUNTED],
      [
        ...report.advisories.map(({ id, severity, published, withdrawn }, i) => [
          id,
          severity,
          `${published.slice(0, 16)}Z${withdrawn === null ? '' : `, withdrawn ${withdrawn.slice(0, 16)}Z`}`,
          ...countedOf(summary.byAdvisory[i] ?? summary),
        ]),
        ['all', '', '', ...countedOf(summary)],
      ],
    ),
    '',
    ...describeCases(report),
    ...describeUnheard(report),
    ...describePartly(report),
    ...describeRevised(report),
  ];
}

const COUNTED = [
  ...['Affected', 'Told', 'Offered', 'Fixed', 'Exposed', 'Unknown', 'Left', 'Deferred'],
  ...['p50', 'p90', 'p95', 'max'],
];

function countedOf({ cases, told, offered, fixed, exposed, unknown, left, deferred, time }: CaseCounts) {
  return [
    ...[cases, told, offered, fixed, exposed, unknown, left, deferred].map(String),
    ...[time.p50, time.p90, time.p95, time.max].map(lasted),
  ];
}

function lasted(ms: number | null): string {
  return ms === null ? '-' : formatDuration(ms);
}

/** What is open comes first. */
const BY_NEED: readonly ComplianceExposure['state'][] = ['exposed', 'unknown', 'left', 'withdrawn', 'fixed'];

function describeCases({ installs }: ComplianceReport): readonly string[] {
  const all = installs.flatMap((install) => install.cases.map((one) => ({ install, one })));
  if (all.length === 0) return ['No install was affected.'];
  all.sort((a, b) => BY_NEED.indexOf(a.one.state) - BY_NEED.indexOf(b.one.state));
  return [
    '## Installs',
    '',
    ...table(
      ['Install', 'Advisory', 'State', 'Ran', 'Told', 'Offered', 'Fixed', 'After', 'Deferred by'],
      all.map(({ install, one }) => [
        ...[install.name, one.advisory, stateText(install, one), ranText(one), one.told?.at ?? 'not'],
        one.offered === null ? 'not' : `${one.offered.at} (${one.offered.by})`,
        fixedText(one),
        lasted(tookMs(one)),
        reasonsText(install, one),
      ]),
    ),
    '',
  ];
}

function stateText({ left }: ComplianceInstall, { state, unknown, fixed }: ComplianceExposure): string {
  if (unknown !== null) return `unknown: ${unknown.why} since ${unknown.since}`;
  if (fixed !== null) return `fixed, as of ${fixed.seen.at}`;
  return state === 'left' && left !== null ? `left: ${left.why} at ${left.at}` : state;
}

function ranText({ ran }: ComplianceExposure): string {
  return ran
    .map(({ component, version, from, to }) => `${component} ${version} from ${from} to ${to ?? 'the end'}`)
    .join('; ');
}

function fixedText({ fixed }: ComplianceExposure): string {
  if (fixed === null) return 'not';
  const record = fixed.record === null ? 'no record' : `record ${fixed.record.id}`;
  const by = fixed.clock === 'install' ? '' : ', time of the server';
  return `${fixed.at}: ${fixed.version ?? 'removed'} (${record}${by})`;
}

function reasonsText({ reasons }: ComplianceInstall, { deferred }: ComplianceExposure): string {
  return deferred
    .flatMap((place) => reasons[place] ?? [])
    .map(({ owner, code, message }) => `${owner}: ${code} (${message})`)
    .join('; ');
}

function describeUnheard({ installs }: ComplianceReport): readonly string[] {
  const unheard = installs.filter(isUnheard);
  if (unheard.length === 0) return [];
  return [
    '## Nothing known',
    '',
    ...table(
      ['Install', 'Enrolled', 'Last heard'],
      unheard.map(({ name, enrolled, lastSeen }) => [name, enrolled, lastSeen ?? 'never']),
    ),
    '',
  ];
}

function describePartly({ installs, advisories }: ComplianceReport): readonly string[] {
  const first = firstPublished(advisories);
  const rows = installs.flatMap((one) => {
    const text = partText(one, first);
    return text === null ? [] : [[one.name, text]];
  });
  if (rows.length === 0) return [];
  return ['## Partly known', '', ...table(['Install', 'Known'], rows), ''];
}

function partText(install: ComplianceInstall, first: EpochMs): string | null {
  const part = knownPart(install, first);
  if (part === null) return null;
  const since = part.since === null ? [] : [`since ${part.since}`];
  const until = part.until === null ? [] : [`silent since ${part.until}`];
  return ['partly known', [...since, ...until].join(', ')].join(' ');
}

function describeRevised({ advisories }: ComplianceReport): readonly string[] {
  const revised = advisories.filter(({ revisions }) => revisions.length > 1);
  if (revised.length === 0) return [];
  return [
    '## Advisories that were changed',
    '',
    ...table(
      ['Advisory', 'At', 'Now', 'Document'],
      revised.flatMap(({ id, revisions }) =>
        revisions.map(({ at, withdrawn, document }) => [
          id,
          at,
          withdrawn ? 'withdrawn' : 'stands',
          document,
        ]),
      ),
    ),
    '',
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const lineOf = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  return [lineOf(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(lineOf)];
}

const LONGEST_CELL = 2_000;

/** One line in which nothing is markup, a link or an entity: names and messages come from other machines. */
function plain(text: string): string {
  return sanitizeLine(text, LONGEST_CELL)
    .replace(/[\\`*_[\]<>|~&#!$@]/g, '\\$&')
    .replace(/(https?|ftp|mailto|xmpp):/gi, '$1\\:')
    .replace(/\bwww\./gi, (found) => `${found.slice(0, -1)}\\.`);
}

export function formatSheet({ installs, advisories }: ComplianceReport): readonly string[] {
  const severities = new Map(advisories.map(({ id, severity }) => [id, severity]));
  const first = firstPublished(advisories);
  const soundText = (install: ComplianceInstall) =>
    isUnheard(install) ? 'nothing known' : (partText(install, first) ?? 'not affected');
  const rows = installs.flatMap((install) =>
    install.cases.length === 0
      ? [rowOf(install, soundText(install))]
      : install.cases.map((one) => rowOf(install, one.state, one, severities.get(one.advisory))),
  );
  return formatCsv([COLUMNS, ...rows].map((row) => row.map((cell) => sanitizeLine(cell, LONGEST_CELL))));
}

const COLUMNS = [
  ...['Install', 'Id', 'Customer', 'State', 'Advisory', 'Severity', 'Since', 'Ran', 'Told', 'Told in report'],
  ...['Offered', 'Offered by', 'Fixed', 'Clock', 'Version', 'Record', 'Record digest', 'After ms'],
  ...['Unknown since', 'Unknown why', 'Deferred by', 'Last heard', 'Fixed as of'],
];

function rowOf(install: ComplianceInstall, state: string, one?: ComplianceExposure, severity?: string) {
  const { fixed, told, offered, unknown } = one ?? { fixed: null, told: null, offered: null, unknown: null };
  return [
    ...[install.name, install.id, install.customer, state, one?.advisory, severity, one?.since],
    ...[one === undefined ? '' : ranText(one), told?.at, told?.report, offered?.at, offered?.by],
    ...[fixed?.at, fixed?.clock, fixed?.version, fixed?.record?.id, fixed?.record?.digest],
    ...[one === undefined ? '' : tookMs(one), unknown?.since, unknown?.why],
    ...[one === undefined ? '' : reasonsText(install, one), install.lastSeen, fixed?.seen.at],
  ].map((cell) => String(cell ?? ''));
}
