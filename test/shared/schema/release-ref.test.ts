// References to releases: what a person types, what is read of it, and where the documents about a release belong.
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../shared/encoding/digest.ts';
import {
  advisoryPath,
  capabilityKey,
  componentNameOf,
  formatRef,
  haltPath,
  parseRef,
  type ReleaseRef,
  refFor,
  releasePath,
  rolloutPath,
} from '../../../shared/schema/release-ref.ts';
import type { Version } from '../../../shared/version/version.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

describe('a reference to a release', () => {
  it.each(['a@1.0.0', 'core@1.2.0', 'core/a@0.0.1', 'platform@2.0.0', 'core/auth@1.0.0-rc.1'])(
    'is read and written the same: %s',
    (text) => {
      expect(formatRef(parseRef(text))).toBe(text);
    },
  );

  it.each([
    '@1.0.0',
    '1.0.0',
    'core/',
    'core/@1.0.0',
    '/auth@1.0.0',
    'a/b/c@1.0.0',
    'Core@1.0.0',
    'core@',
    'a/B@1.0.0',
  ])('is refused: %s', (text) => {
    expect(refusalOf(() => parseRef(text)).code).toMatch(/^(?:reference|version)\/invalid$/);
  });
});

describe('where a document belongs', () => {
  const version = '1.2.0' as Version;

  it.each<[ReleaseRef, string, string]>([
    [{ kind: 'platform', version }, 'platform', 'platform/1.2.0.json'],
    [{ kind: 'suite', name: 'core', version }, 'core', 'suites/core/1.2.0.json'],
    [
      { kind: 'capability', suite: 'core', name: 'auth', version },
      'core/auth',
      'capabilities/core/auth/1.2.0.json',
    ],
  ])('is said by its reference: %j', (ref, component, path) => {
    expect([componentNameOf(ref), releasePath(ref), formatRef(ref)]).toEqual([
      component,
      path,
      `${component}@1.2.0`,
    ]);
    expect(refFor(component, version)).toEqual(ref);
    expect(rolloutPath('beta', ref)).toBe(`rollouts/beta/${path}`);
  });

  it('is said by an advisory’s id, and by the digest of what is halted', () => {
    expect(advisoryPath('FL-2026-1')).toBe('advisories/FL-2026-1.json');
    expect(haltPath(`sha256:${'0a'.repeat(32)}` as Digest)).toBe(`halts/${'0a'.repeat(32)}.json`);
    expect(capabilityKey({ kind: 'capability', suite: 'core', name: 'auth', version })).toBe('core/auth');
  });

  it.each([
    ['core', 'core'],
    ['@1.0.0', '@1.0.0'],
    ['a/b/c@1.0.0', 'a/b/c'],
    ['a//b@1.0.0', 'a//b'],
    ['/b@1.0.0', '/b'],
    ['a/@1.0.0', 'a/'],
    ['a/B@1.0.0', 'a/B'],
    ['A/b@1.0.0', 'A/b'],
    ['a@b@1.0.0', 'a@b'],
  ])('is said by no reference %s, and by which part is', (text, value) => {
    expect(
      dataOf(
        refusalOf(() => parseRef(text)),
        'reference/invalid',
      ),
    ).toEqual({ value });
  });
});
