// The catalogue: every code is named alike and can say what happened and what to do.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATALOGUE, type ErrorCode, type ErrorData, isErrorCode } from '../../../shared/errors/catalogue.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { renderErrors } from '../../docs/pages/errors-page.ts';

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
      'audit',
      'deploy',
      'backup',
      'disk',
      'document',
      'policy',
      'proposal',
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

  it('says, and answers with, what the reference says', () => {
    const published = readFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');

    expect(renderErrors().split('\n')).toEqual(published.split('\n'));
  });

  it('knows its codes and nothing that every object has', () => {
    expect(['version/invalid', 'toString', 'version', ''].map(isErrorCode)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('a sentence with a choice', () => {
  const issue = { path: 'tree.digest', expected: 'a digest', found: 'a number', remedy: 'write a digest' };
  const ISSUE = 'tree.digest: expected a digest, found a number; write a digest';
  const document = { document: 'the manifest', issues: [issue] };

  it.each([
    says('document/invalid', document, new RegExp(`${ISSUE}$`)),
    says('document/invalid', { ...document, more: 3 }, / {2}and 3 more$/),
    says(
      'document/invalid',
      { document: 'it', issues: [{ ...issue, path: '' }] },
      / {2}\(document\): expected/,
    ),
    says('vendor/options-invalid', { issues: [issue] }, new RegExp(`:\\n {2}${ISSUE}$`)),
    says('vendor/file-unreadable', { path: '/a', problem: 'ENOENT' }, /^cannot read \/a: ENOENT$/),
    says(
      'vendor/file-unreadable',
      { path: '/a', problem: 'no', option: '--key' },
      /^cannot read \/a, named by --key: no$/,
    ),
    says('vendor/instance-not-found', { instance: 'a', found: 0 }, /^no instance has the id or name a$/),
    says('vendor/instance-not-found', { instance: 'a', found: 2 }, /^2 instances have the id or name a$/),
    says('vendor/option-invalid', { option: '--a', value: '', form: 'a path' }, /^--a is missing$/),
    says('vendor/option-invalid', { option: '--a', value: 'b', form: 'a path' }, /^--a cannot be "b"$/),
    says(
      'trust/threshold',
      { role: 'root', signer: 'root', needed: 1, valid: 0 },
      /asks for 1 distinct key, 0 signed$/,
    ),
    says(
      'trust/threshold',
      { role: 'root', signer: 'root', needed: 2, valid: 1 },
      /asks for 2 distinct keys, 1 signed$/,
    ),
    says(
      'deploy/connections-cut',
      { component: 'core/a', connections: 1 },
      /^core\/a: 1 connection was still/,
    ),
    says(
      'deploy/connections-cut',
      { component: 'core/a', connections: 2 },
      /^core\/a: 2 connections were still/,
    ),
  ])('of %s with %j reads %s', (code, data, words) => {
    expect(new FairleadError(code, data as never).message).toMatch(words);
  });

  it.each([
    says('document/invalid', document, /docs\/reference/),
    says('vendor/options-invalid', { issues: [issue] }, /^see --help$/),
    says('vendor/file-unreadable', { path: '/a', problem: 'no' }, /permissions/),
    says('vendor/file-unreadable', { path: '/a', problem: 'no', option: '--key' }, /^correct --key$/),
    ...[
      [299, /^the vendor finds/],
      [300, /redirect/],
      [399, /redirect/],
      [400, /^the vendor finds/],
    ].map(([status, words]) =>
      says('transport/refused', { url: 'u', status: status as number, problem: 'no' }, words as RegExp),
    ),
    says('apply/blocked', { blockers: 'a', clearWith: null }, /fairlead explain$/),
    says('apply/blocked', { blockers: 'a', clearWith: 'fairlead release' }, /^fairlead release$/),
    says('rollback/no-target', { wanted: '7', available: 'none' }, /^nothing was changed/),
    says('rollback/no-target', { wanted: '7', available: '3, 5' }, /rollback --to N$/),
    says('disk/unreadable', { path: '/a', problem: 'ENOTDIR' }, /a part of the path is a file/),
    says('disk/unreadable', { path: '/a', problem: 'EACCES' }, /permissions/),
    says('setting/no-component', { component: 'x', components: '' }, /fairlead status$/),
    says('setting/no-component', { component: 'x', components: 'core/a' }, /^use one of core\/a$/),
    says('disk/failed', { path: '/a', problem: 'EROFS' }, /read-only: choose another path$/),
    says('disk/failed', { path: '/a', problem: 'EACCES' }, /this account may not write there/),
    says('disk/failed', { path: '/a', problem: 'EPERM' }, /this account may not write there/),
    says('disk/failed', { path: '/a', problem: 'EEXIST' }, /a file stands where a directory is needed/),
    says('disk/failed', { path: '/a', problem: 'ENOTDIR' }, /a part of the path is a file/),
    says('disk/failed', { path: '/a', problem: 'ENOENT' }, /cannot be made/),
    says('disk/failed', { path: '/a', problem: 'EIO' }, /^check the disk/),
  ])('of %s with %j advises %s', (code, data, words) => {
    expect(new FairleadError(code, data as never).hint).toMatch(words);
  });
});

it.each(['document/invalid', 'vendor/options-invalid', 'vendor/manifest-wrong'] as const)(
  '%s tells each remedy once',
  (code) => {
    const remedies = ['write a digest', 'take it away'];
    const issues = remedies.map((remedy) => ({ path: 'a', expected: 'b', found: 'c', remedy }));

    const { message, hint } = new FairleadError(code, { document: 'd', source: 'd', issues });

    const told = `${message}\n${hint}`;
    expect(remedies.map((remedy) => told.split(remedy).length - 1)).toEqual([1, 1]);
  },
);

describe('FairleadError', () => {
  it('carries code, data, sentence, hint and cause', () => {
    const cause = new Error('inner');

    const error = new FairleadError('version/invalid', { value: 'one' }, { cause });

    expect([error.name, error.code]).toEqual(['FairleadError', 'version/invalid']);
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

it.each([
  ['/var/lib/node_exporter', 'ReadWritePaths=/var/lib/node_exporter'],
  ['/srv/my numbers', 'ReadWritePaths="/srv/my numbers"'],
  ['/srv/100%', 'ReadWritePaths=/srv/100%%'],
  ['/srv/a"b', 'ReadWritePaths="/srv/a\\"b"'],
])('a directory in a unit is one word: %s', (directory, line) => {
  expect(new FairleadError('notify/read-only', { directory }).hint.endsWith(line)).toBe(true);
});

function says<Code extends ErrorCode>(code: Code, data: ErrorData<Code>, words: RegExp) {
  return [code, data, words] as const;
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).some((key) => key.includes('/'));
}
