// Values with commas: read back as they were, and nothing that a spreadsheet would run.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatCsv } from '../../../shared/present/table.ts';

it.each([
  ['a word', 'core/auth', 'core/auth'],
  ['a comma', 'a,b', '"a,b"'],
  ['a quote', 'say "no"', '"say ""no"""'],
  ['a line end', 'a\r\nb', '"a\r\nb"'],
  ['a formula', '=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"'],
  ['an at-sign', '@SUM(A1)', "'@SUM(A1)"],
  ['a number', '-1.5', '-1.5'],
  ['what only begins like a number', '-1+2', "'-1+2"],
])('writes %s', (_name, cell, written) => {
  expect(formatCsv([[cell, '1']])).toEqual([`${written},1`]);
});

/** As RFC 4180 reads one record. */
function readRecord(text: string): readonly string[] {
  const cells = [...`,${text}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^",]*))/g)];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}

it('is read back as it was, but for an apostrophe before what could run', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 5 }), (cells) => {
      const [record = ''] = formatCsv([cells]);
      const back = readRecord(record);
      expect(back).toHaveLength(cells.length);
      for (const [i, cell] of cells.entries()) expect([cell, `'${cell}`]).toContain(back[i]);
      expect(back.filter((cell) => /^[=+@\t\r]/.test(cell))).toEqual([]);
    }),
  );
});
