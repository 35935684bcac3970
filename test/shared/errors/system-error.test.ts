// What the operating system and SQLite refuse, and the error each becomes.
import { describe, expect, it } from 'vitest';
import {
  connectionProblem,
  FairleadError,
  isDatabaseBusy,
  systemCode,
  toDiskError,
} from '../../../shared/errors/error.ts';

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

describe('a connection that failed', () => {
  it.each<[unknown, string]>([
    [refusal({ code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [
      Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }),
      'other side closed (UND_ERR_SOCKET)',
    ],
    [Object.assign(new Error(''), { code: 'UND_ERR_SOCKET' }), 'UND_ERR_SOCKET'],
    [new Error('Opening handshake has timed out'), 'Opening handshake has timed out'],
    [new Error(''), 'the connection failed'],
    ['text', 'the connection failed'],
  ])('is told by what people know: %s', (cause, told) => {
    expect(connectionProblem(cause)).toBe(told);
  });
});
