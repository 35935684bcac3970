// What the operating system and SQLite refuse, and the error each becomes.
import { describe, expect, it } from 'vitest';
import { FairleadError, isDatabaseBusy, systemCode, toDiskError } from '../../../shared/errors/error.ts';

const refusal = (fields: object) => Object.assign(new Error('refused'), fields);

describe('a disk that refuses a write', () => {
  it.each([
    ['a full disk', { code: 'ENOSPC' }, 'disk/full'],
    ['a used-up quota', { code: 'EDQUOT' }, 'disk/full'],
    ['a database that finds the disk full', { code: 'ERR_SQLITE_ERROR', errcode: 13 }, 'disk/full'],
    ['a read-only file system', { code: 'EROFS' }, 'disk/failed'],
    ['an error without a code', {}, 'disk/failed'],
  ])('%s is told apart', (_what, fields, code) => {
    expect(toDiskError('/a/file', refusal(fields)).code).toBe(code);
  });

  it('lets our own errors pass', () => {
    const own = new FairleadError('disk/unreadable', { path: '/a', problem: 'EACCES' });

    expect(toDiskError('/b', own)).toBe(own);
  });
});

describe('a system code', () => {
  it('is there for whatever was thrown', () => {
    expect([systemCode(refusal({ code: 'EIO' })), systemCode('text')]).toEqual(['EIO', 'unknown error']);
  });

  it('tells a busy database by the primary code, whatever its extension', () => {
    const busy = [5, 261, 13].map((errcode) => isDatabaseBusy(refusal({ errcode })));

    expect(busy).toEqual([true, true, false]);
  });
});
