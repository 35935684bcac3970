// The catalogue: every code is named alike and can say what happened and what to do.
import { describe, expect, it } from 'vitest';
import { CATALOGUE, type ErrorCode } from '../../../shared/errors/catalogue.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';

const codes = Object.keys(CATALOGUE) as ErrorCode[];

describe('the error catalogue', () => {
  it.each(codes)('%s is named area/problem and has an exit and an HTTP status', (code) => {
    const { exit, http } = CATALOGUE[code];

    expect(code).toMatch(/^[a-z]+\/[a-z]+(?:-[a-z0-9]+)*$/);
    expect(Object.values(EXIT)).toContain(exit);
    expect(http).toBeGreaterThanOrEqual(400);
    expect(http).toBeLessThan(600);
  });

  it('keeps every area in its own table: no code is defined twice', async () => {
    const areas = [
      'agent',
      'compile',
      'deploy',
      'document',
      'policy',
      'server',
      'service',
      'transport',
      'tree',
      'trust',
      'vendor',
    ];
    const tables = await Promise.all(areas.map((area) => import(`../../../shared/errors/${area}.ts`)));
    const all = tables.flatMap((table) =>
      Object.values(table)
        .filter(isTable)
        .flatMap((t) => Object.keys(t)),
    );
    expect(all.toSorted()).toEqual(codes.toSorted());
  });
});

describe('FairleadError', () => {
  it('carries code, data, sentence, hint and cause', () => {
    const cause = new Error('inner');

    const error = new FairleadError('version/invalid', { value: 'one' }, { cause });

    expect(error.code).toBe('version/invalid');
    expect(error.data).toEqual({ value: 'one' });
    expect(error.message).toContain('one');
    expect(error.hint).not.toBe('');
    expect(error.cause).toBe(cause);
    expect([error.exit, error.http]).toEqual([EXIT.usage, 400]);
  });

  it('is told apart by code', () => {
    const error = new FairleadError('version/invalid', { value: 'one' });

    expect(isFairleadError(error)).toBe(true);
    expect(isFairleadError(error, 'version/invalid', 'json/invalid')).toBe(true);
    expect(isFairleadError(error, 'json/invalid')).toBe(false);
    expect(isFairleadError(new Error('other'))).toBe(false);
  });
});

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).some((key) => key.includes('/'));
}
