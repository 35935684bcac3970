// The decision tables: one named row per rule, in words an admin reads.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Expected, type Scenario, summarize } from '../../support/scenario.ts';

interface Table {
  readonly title: string;
  /** What every row has unless it says otherwise. */
  readonly common: Partial<Scenario>;
  readonly rows: readonly (Partial<Scenario> & { readonly name: string; readonly expect: Expected })[];
}

const FOLDER = new URL('../../vectors/decisions/', import.meta.url);
const tables = readdirSync(FOLDER)
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Table);

describe.each(tables)('$title', ({ common, rows }) => {
  it.each(rows)('$name', ({ name: _, expect: expected, ...row }) => {
    const decided = summarize({ releases: {}, ...common, ...row });

    expect(decided).toEqual(expected);
  });
});
