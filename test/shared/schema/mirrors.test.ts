// The vendor's list of mirrors: what may stand in it, and which of it an install of a region uses, in which order.
import { describe, expect, it } from 'vitest';
import { MIRRORS_PATH, mirrors, mirrorsFor } from '../../../shared/schema/mirrors.ts';

const list = (...listed: readonly object[]) => ({ schema: 'fairlead/mirrors@1', mirrors: listed });
const many = (count: number) => Array.from({ length: count }, (_, i) => ({ url: `https://m${i}.example` }));

describe('a list of mirrors', () => {
  it.each([
    ['http', { url: 'http://eu.example/copy' }],
    ['another scheme', { url: 'ftp://eu.example/copy' }],
    ['an account', { url: 'https://ada:secret@eu.example/copy' }],
    ['a question', { url: 'https://eu.example/copy?token=secret' }],
    ['a fragment', { url: 'https://eu.example/copy#x' }],
    ['no host', { url: 'https://' }],
    ['an address without end', { url: `https://eu.example/${'x'.repeat(300)}` }],
    ['no regions', { url: 'https://eu.example', regions: [] }],
    ['a region twice', { url: 'https://eu.example', regions: ['eu', 'eu'] }],
    ['no region’s name', { url: 'https://eu.example', regions: ['Europe, all of it'] }],
    ['a key that nobody knows', { url: 'https://eu.example', trusted: true }],
  ])('has no mirror with %s', (_, mirror) => {
    expect(mirrors.safeParse(list(mirror)).success).toBe(false);
  });

  it('has one to a hundred mirrors, each once', () => {
    expect(mirrors.safeParse(list()).success).toBe(false);
    expect(mirrors.safeParse(list(...many(100))).success).toBe(true);
    expect(mirrors.safeParse(list(...many(101))).success).toBe(false);
    expect(mirrors.safeParse(list(...many(1), ...many(1))).success).toBe(false);
  });

  it('has one place', () => expect(MIRRORS_PATH).toBe('mirrors.json'));
});

describe('an install', () => {
  const listed = mirrors.parse(
    list(
      { url: 'https://all.example' },
      { url: 'https://eu.example', regions: ['eu'] },
      { url: 'https://us.example', regions: ['us'] },
      { url: 'https://both.example', regions: ['us', 'eu'] },
    ),
  ).mirrors;
  const hosts = (...region: readonly string[]) =>
    mirrorsFor(listed, region.length === 0 ? {} : { region: [...region] }).map(
      (url) => new URL(url).hostname,
    );

  it('uses those of its region, in the vendor’s order, and then those for all', () => {
    expect(hosts('eu')).toEqual(['eu.example', 'both.example', 'all.example']);
    expect(hosts('us')).toEqual(['us.example', 'both.example', 'all.example']);
  });

  it('uses none of another region', () => expect(hosts('ap')).toEqual(['all.example']));

  it('uses those for all where nobody has said where it is', () => expect(hosts()).toEqual(['all.example']));
});
