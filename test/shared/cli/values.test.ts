// What people type: each reading takes what it names, as the value it stands for, and refuses the rest.
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../../shared/cli/command.ts';
import * as read from '../../../shared/cli/values.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;

describe('a reading', () => {
  it.each<[string, (text: string) => unknown, string, unknown]>([
    ['a number', read.parseNumber, '012', 12],
    ['the largest number', read.parseNumber, '999999999', 999_999_999],
    ['a line', read.parseLine, 'a line', 'a line'],
    ['a path', read.parsePath, '/a b', '/a b'],
    ['a span', read.parseDuration, '4h', 14_400_000],
    ['a duration', read.parseDuration, 'PT30S', 30_000],
    ['a span for a document', read.parseIsoDuration, '4h', 'PT14400S'],
    ['a duration for a document', read.parseIsoDuration, 'P3D', 'P3D'],
    ['a span of something', read.parseSpan, '1s', 1000],
    [
      'the address of a server',
      read.parseUrl,
      'https://releases.example.com',
      'https://releases.example.com',
    ],
    ['the address of one without TLS', read.parseUrl, 'http://127.0.0.1:8080/a', 'http://127.0.0.1:8080/a'],
    ['a fraction of a second for a document', read.parseIsoDuration, '90s', 'PT90S'],
    ['an advisory', read.parseAdvisoryId, 'FL-2026-0003', 'FL-2026-0003'],
    [
      'a checkpoint',
      read.parseCheckpoint,
      `12:${DIGEST}`,
      { schema: 'fairlead/audit-head@1', count: 12, digest: DIGEST },
    ],
    ['the longest line', read.parseLine, 'a'.repeat(300), 'a'.repeat(300)],
    ['a digest', read.parseDigest, DIGEST, DIGEST],
    ['a capability', read.parseCapability, 'core/auth', 'core/auth'],
    ['a name', read.parseName, 'auth-proxy', 'auth-proxy'],
    ['the platform', read.parseComponent, 'platform', 'platform'],
    ['a suite', read.parseComponent, 'core', 'core'],
    ['a component', read.parseComponent, 'core/auth', 'core/auth'],
    ['a version', read.parseExactVersion, '1.0.1', '1.0.1'],
    ['an instant', read.parseInstant, '2026-01-31T10:00:00Z', '2026-01-31T10:00:00Z'],
    ['a release', read.parseRelease, 'core@1.2.0', { kind: 'suite', name: 'core', version: '1.2.0' }],
    ['a target', read.parseTarget, 'core@1.2.0', 'core@1.2.0'],
    ['a schedule', read.parseCron, '0 2 * * sat', '0 2 * * sat'],
    ['a zone', read.parseZone, 'Europe/Berlin', 'Europe/Berlin'],
    ['a generation', read.parseRollbackTo, '7', 7],
    ['a version that ran', read.parseRollbackTo, 'core/auth@1.0.0', 'core/auth@1.0.0'],
  ])('takes %s', (_what, parse, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it.each<[string, (text: string) => unknown, readonly string[]]>([
    ['a number', read.parseNumber, ['', '-1', '1.5', '0x1', '1234567890', 'a1', '1a', ' 1']],
    ['a line', read.parseLine, ['', 'a'.repeat(301), 'a\nb', 'a\u0007', '\u009bK']],
    ['a path', read.parsePath, ['', 'a\0b']],
    [
      'an address',
      read.parseUrl,
      ['', 'releases.example.com', 'ftp://a.example', 'httpx://a.example', 'xhttp://a.example'],
    ],
    ['a span', read.parseSpan, ['', '0s', 'PT0S', 'soon']],
    ['an advisory', read.parseAdvisoryId, ['', 'fl-2026-1', 'FL']],
    ['a checkpoint', read.parseCheckpoint, ['', DIGEST, '12', `x:${DIGEST}`]],
    ['a duration', read.parseDuration, ['', '4', 'soon', 'P1M']],
    ['a duration for a document', read.parseIsoDuration, ['', '4', 'soon']],
    ['a digest', read.parseDigest, ['', '0a'.repeat(32), `${DIGEST}0`]],
    ['a capability', read.parseCapability, ['', 'core', 'Core/auth', 'a/b/c']],
    ['a name', read.parseName, ['', 'Core', 'a b', 'a/b']],
    ['a component', read.parseComponent, ['', 'Core', 'a/b/c']],
    ['a version', read.parseExactVersion, ['', '1.0', '~1.0', 'v1.0.0']],
    ['an instant', read.parseInstant, ['', '2026-02-30T00:00:00Z', 'tomorrow']],
    ['a release', read.parseRelease, ['', 'core', 'core@1', '@1.0.0']],
    ['a target', read.parseTarget, ['', 'core', 'core@1', '@1.0.0']],
    ['a schedule', read.parseCron, ['', '0 2 * *', '61 2 * * *']],
    ['a zone', read.parseZone, ['', 'Middle/Earth']],
    ['a way back', read.parseRollbackTo, ['', '-1', '1234567890', 'core@1.0.0', 'core/auth', '1x', 'x1']],
  ])('refuses what is not %s', (_what, parse, texts) => {
    for (const text of texts) expect(() => parse(text), JSON.stringify(text)).toThrow(InvalidArgumentError);
  });
});

describe('a release', () => {
  it('is told from what is none', () => {
    expect(['core/auth@1.0.0', 'core', ''].map(read.isRelease)).toEqual([true, false, false]);
  });

  it('is not refused for a mistake of ours', () => {
    expect(() => read.isRelease(7 as never)).toThrow(TypeError);
  });
});
