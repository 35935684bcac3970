// One table for all programs: what agents and releases say stays in its cell.
import { describe, expect, it } from 'vitest';
import { formatTable } from '../../../shared/present/table.ts';

describe('formatTable', () => {
  it('aligns every column to its longest cell and ends no line in blanks', () => {
    const table = formatTable([
      ['NAME', 'STATE'],
      ['a', 'runs'],
      ['longer', ''],
    ]);
    expect(table).toEqual(['NAME    STATE', 'a       runs', 'longer']);
  });

  it.each([
    ['a line break', 'site\nforged   committed'],
    ['a carriage return', 'site\rforged'],
    ['a line separator', 'site\u2028forged'],
    ['an escape', 'site\u001b[2Kforged'],
    ['a C1 control', 'site\u009b2Kforged'],
    ['a bidi override', 'site\u202eforged'],
    ['a lone surrogate', 'site\ud800forged'],
  ])('makes no row and moves no cursor of %s in a cell', (_what, cell) => {
    const table = formatTable([['NAME'], [cell]]);
    expect(table).toHaveLength(2);
    expect(table[1]).toMatch(/^site[\ufffd ][^\u0000-\u001f\u007f-\u009f\u2028\u202e]*forged/);
  });
});
