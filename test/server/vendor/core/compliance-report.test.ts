// The report of compliance as people, spreadsheets and programs get it: numbers that follow from its rows, and names that are no markup, formula or escape.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createReport, formatReport } from '../../../../server/vendor/core/compliance-report.ts';
import { summarize } from '../../../../server/vendor/core/compliance-summary.ts';
import { formatMarkdown, formatSheet } from '../../../../server/vendor/core/compliance-text.ts';
import { parsePeriod } from '../../../../shared/encoding/period.ts';
import { sanitizeText } from '../../../../shared/encoding/text.ts';
import type {
  ComplianceAdvisories,
  ComplianceExposure,
  ComplianceInstall,
} from '../../../../shared/protocol/compliance.ts';
import { digestOfText } from '../../../support/publications.ts';

/** Escapes of a terminal, marks that turn text round, line breaks of every kind, half of a pair. */
const HOSTILE_TEXTS = [
  '\u001b[2Jgone',
  'a\u202eb',
  'x\r\ny\nz',
  '\u2028\u2029\u0085\u009b31m',
  '\ud800',
  '\u0000\t',
];

const START = Date.parse('2026-11-01T00:00:00Z');
const at = (minutes: number) => new Date(START + minutes * 60_000).toISOString();
const SAID = { at: at(1), sequence: 1, report: 'sha-256=:x:' };

const open: ComplianceExposure = {
  ...{ advisory: 'FL-2026-0001', state: 'exposed', since: at(0), told: null, offered: null, deferred: [] },
  ran: [{ component: 'core/auth', version: '1.0.0', from: at(0), to: null }],
  ...{ fixed: null, unknown: null },
};
const fixedAfter = (minutes: number): ComplianceExposure => ({
  ...{ ...open, state: 'fixed', told: SAID, deferred: [0] },
  fixed: {
    ...{ at: at(minutes), clock: 'install', version: '1.0.1', seen: SAID },
    record: { id: 3, plan: digestOfText('plan'), digest: digestOfText('record') },
  },
});
const installOf = (name: string, cases: readonly ComplianceExposure[]): ComplianceInstall => ({
  ...{ id: name, name, customer: null, from: at(0), to: at(1_000), enrolled: at(0), lastSeen: at(9) },
  ...{ known: at(0), left: null, cloned: null, silent: [], head: null, cases: [...cases] },
  reasons: [
    { code: 'hold', owner: 'admin', source: 'hold', message: 'audit week', times: 1, from: at(0), to: null },
  ],
});
const ADVISORIES: ComplianceAdvisories = {
  period: { from: at(0), to: at(1_000) },
  advisories: ['FL-2026-0001', 'FL-2026-0002'].map((id) => ({
    ...{ id, severity: 'high', title: 'a hole', cves: [], published: at(0), withdrawn: null },
    revisions: [{ at: at(0), document: digestOfText(id), withdrawn: false, metadata: 7, entry: null }],
  })),
  server: { count: 9, digest: digestOfText('head'), at: at(1_001) },
};
const reportOf = (installs: readonly ComplianceInstall[]) =>
  createReport({ kind: 'cra', subject: '2026-11' }, ADVISORIES, installs);

describe('its numbers', () => {
  it('are of those that were fixed, with how many were not, by the nearest rank', () => {
    const times = Array.from({ length: 20 }, (_, i) => i + 1);
    const installs = [
      ...times.map((minutes) => installOf(`i${minutes}`, [fixedAfter(minutes)])),
      ...['a', 'b'].map((name) => installOf(name, [open])),
      installOf('c', [{ ...open, state: 'unknown', unknown: { since: at(2), why: 'silent' } }]),
      installOf('sound', []),
    ];
    const { byAdvisory, ...all } = summarize(installs, ADVISORIES.advisories);

    expect(all).toMatchObject({ installs: 24, affected: 23, unheard: 0, partly: 0, cases: 23 });
    expect(all).toMatchObject({ fixed: 20, exposed: 2, unknown: 1, told: 20, deferred: 20 });
    const minutes = (count: number) => count * 60_000;
    expect(all.time).toEqual({
      ...{ applied: 20, not: 3, p50: minutes(10), p90: minutes(18), p95: minutes(19), max: minutes(20) },
    });
    expect(byAdvisory[1]).toMatchObject({ cases: 0, time: { applied: 0, not: 0, p50: null, max: null } });
  });

  it('name those of which nothing is known', () => {
    const mute = { ...installOf('mute', []), known: null };
    expect(summarize([mute, installOf('heard', [])], [])).toMatchObject({ unheard: 1, affected: 0 });
    expect(formatMarkdown(reportOf([mute])).join('\n')).toContain('## Nothing known');
    expect(formatSheet(reportOf([mute]))[1]).toContain('nothing known');
  });
});

describe('an install without a case', () => {
  const DAY = 24 * 60;
  const textsOf = (install: ComplianceInstall) => {
    const report = reportOf([install]);
    return [report.summary.partly, formatSheet(report)[1] ?? '', formatMarkdown(report).join('\n')];
  };
  const long = { ...installOf('one', []), to: at(30 * DAY) };

  it.each([
    ['that is known only from a later day', { known: at(20 * DAY) }, `partly known since ${at(20 * DAY)}`],
    [
      'that is silent to the end',
      { silent: [{ from: at(2), to: null }] },
      `partly known silent since ${at(2)}`,
    ],
  ])('%s is not said to be not affected', (_, more, text) => {
    const [partly, sheet, markdown] = textsOf({ ...long, ...more });
    expect([partly, sheet, markdown]).toEqual([
      1,
      expect.stringContaining(text),
      expect.stringContaining('## Partly known'),
    ]);
    expect(markdown).toContain('of 1 only a part of it');
    expect(sheet).not.toContain('not affected');
  });

  it('that was heard within a day of when it was there, and again after a silence, is', () => {
    const [partly, sheet] = textsOf({ ...long, known: at(9), silent: [{ from: at(9), to: at(9 * DAY) }] });
    expect([partly, sheet]).toEqual([0, expect.stringContaining('not affected')]);
  });
});

it('says as of when an install was fixed: what came afterwards it does not know', () => {
  const report = reportOf([installOf('one', [fixedAfter(3)])]);
  expect(formatMarkdown(report).join('\n')).toContain(`fixed, as of ${at(1)}`);
  expect(formatSheet(report)[1]).toMatch(new RegExp(`,${at(1)}$`));
});

describe('its file', () => {
  it('ends with the digest of all bytes before, and prints everywhere as the same bytes', () => {
    const { lines, digest } = formatReport(
      reportOf(HOSTILE_TEXTS.map((text, i) => installOf(`${text}${i}`, [open]))),
    );
    const text = lines.map((line) => `${line}\n`).join('');
    const before = text.slice(0, text.lastIndexOf('"digest"'));

    expect(`sha256:${createHash('sha256').update(before).digest('hex')}`).toBe(digest);
    expect(text.endsWith(`\n"digest":"${digest}"}\n`)).toBe(true);
    expect(sanitizeText(text)).toBe(text);
    expect(JSON.parse(text).installs[0].name).toBe(`${HOSTILE_TEXTS[0]}0`);
  });

  it('is a document without an install or an advisory too', () => {
    const empty = createReport({ kind: 'cra', subject: 'x' }, { ...ADVISORIES, advisories: [] }, []);
    expect(JSON.parse(formatReport(empty).lines.join('\n'))).toMatchObject({ advisories: [], installs: [] });
  });
});

const EVIL = [
  ...HOSTILE_TEXTS,
  '=HYPERLINK("http://evil.example","x")',
  '+1+cmd|calc',
  '@SUM(A1)',
  '-2+3',
  '| a | b |',
  '<script>alert(1)</script>',
  '![x](http://evil.example/pixel.png)',
  '[click](javascript:alert(1))',
  'https://evil.example www.evil.example anna@evil.example',
  '&lt;b&gt; `code` **bold** # head ~~gone~~ \\| back',
];

describe('a name', () => {
  it.each(EVIL.map((text) => [text]))('%j is no markup of its own in Markdown, and one cell', (text) => {
    const rows = formatMarkdown(reportOf([installOf(text, [open])])).filter((line) =>
      line.includes('exposed |'),
    );
    const [row = ''] = rows;
    expect(rows).toHaveLength(1);
    const bare = row.replace(/\\./g, '');
    expect(bare.match(/\|/g)).toHaveLength(10);
    expect(bare).not.toMatch(/[<>[\]`*~&#!@\n\r\u001b\u202e]|https?:|www\./);
  });

  it.each(EVIL.map((text) => [text]))('%j is no formula and no row of its own in a sheet', (text) => {
    const rows = formatSheet(reportOf([installOf(text, [open])]));
    expect(rows).toHaveLength(2);
    const [cell = ''] = /^(?:"(?:[^"]|"")*"|[^",]*)/.exec(rows[1] ?? '') ?? [];
    expect(cell.replace(/^"/, '')).not.toMatch(/^[=+\-@\t\r]/);
    expect(rows[1]).not.toMatch(/[\n\r\u001b\u202e]/);
  });
});

describe('a period', () => {
  it.each([
    ['2026-11', '2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z'],
    ['2026-12', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['2026-Q4', '2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['2028', '2028-01-01T00:00:00Z', '2029-01-01T00:00:00Z'],
    ['2028-02-28..2028-02-29', '2028-02-28T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['2026-11-05..2026-11-05', '2026-11-05T00:00:00Z', '2026-11-06T00:00:00Z'],
  ])('%s is from %s up to %s', (text, from, to) => {
    expect(parsePeriod(text)).toEqual({ text, from, to });
  });

  it.each([
    ...['', '2026-13', '2026-Q5', '26', '2026-02-29..2026-03-01', '2026-11-05..2026-11-04', '2026-11-05'],
    ...['2026-11..2026-12', ' 2026', '2026-11-01..', 'FL-2026-0003'],
  ])('%j is none', (text) => {
    expect(parsePeriod(text)).toBeNull();
  });
});
