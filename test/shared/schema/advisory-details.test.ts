// What an advisory says to people: which vectors are CVSS, which addresses may be signed, and what is refused by name.
import { describe, expect, it } from 'vitest';
import { advisoryDetails } from '../../../shared/schema/advisory-details.ts';
import { isCvssVector } from '../../../shared/schema/cvss.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

const V31 = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';
const V4 = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N';
const base = { schema: 'fairlead/advisory-details@1', advisory: 'FL-2026-0003' };
const web = (url: string) => ({ references: [{ url, kind: 'web' }] });

describe('a vector', () => {
  it.each([
    V31,
    'CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    'CVSS:3.1/S:U/C:H/I:H/A:H/AV:N/AC:L/PR:N/UI:N',
    `${V31}/E:P/RL:O/RC:C/CR:H/MAV:L/MS:C/MA:X`,
    V4,
    `${V4}/E:A/CR:H/MSI:S/S:P/AU:Y/R:I/V:C/RE:M/U:Amber`,
  ])('is %s', (text) => {
    expect(isCvssVector(text)).toBe(true);
  });

  it.each([
    ['of no version', V31.slice(9)],
    ['of version 2', 'AV:N/AC:L/Au:N/C:P/I:P/A:P'],
    ['of a version to come', V31.replace('3.1', '3.2')],
    ['that lacks a base metric', V31.replace('/A:H', '')],
    ['with a metric twice', `${V31}/A:H`],
    ['with a metric of another version', `${V31}/AT:N`],
    ['with a value of another metric', V31.replace('S:U', 'S:N')],
    ['with two values', V31.replace('A:H', 'A:H:H')],
    ['with a value of two letters', V31.replace('A:H', 'A:HL')],
    ['of 4.0 out of order', `${V4}/CR:H/E:A`],
    ['with an empty part', `${V31}/`],
    ['in small letters', V31.toLowerCase()],
  ])('is none %s', (_what, text) => {
    expect(isCvssVector(text)).toBe(false);
  });
});

describe('the details of an advisory', () => {
  it('hold all that was given, and nothing that was not', () => {
    const full = {
      ...{ ...base, aliases: ['GHSA-jfh8-c2jp-5v3q', 'openSUSE-SU-2024:0040-1'], cvss: [V31, V4] },
      references: [{ url: 'https://example.com/a?b=%C3%A4#c', kind: 'fix' }],
      ...{ impact: 'Reads\nmail.', action: 'Rotate tokens.', exploitedSince: '2026-11-01T00:00:00Z' },
    };

    expect(parseDocument(advisoryDetails, full, 'd')).toEqual(full);
    expect(parseDocument(advisoryDetails, base, 'd')).toEqual(base);
  });

  it.each([
    ['a CVE as alias', { aliases: ['CVE-2026-1'] }, 'aliases.0', 'CVE ids'],
    ['an alias with blanks', { aliases: ['GHSA 1'] }, 'aliases.0', 'another database'],
    ['two vectors of one version', { cvss: [V31, `${V31}/E:P`] }, 'cvss', 'at most one vector'],
    ['a vector that is none', { cvss: ['7.5'] }, 'cvss.0', 'CVSS vector'],
    ['an address of another scheme', web('javascript:alert(1)'), 'references.0.url', 'https://'],
    ['an address with a password', web('https://a:b@example.com/'), 'references.0.url', 'without an account'],
    ['an address with a line break', web('https://example.com/\n'), 'references.0.url', 'https://'],
    ['an address of nowhere', web('https://'), 'references.0.url', 'https://'],
    ['an unknown kind', { references: [{ url: 'https://e.com/', kind: 'GIT' }] }, 'references.0.kind', 'fix'],
    ['no impact at all', { impact: ' \n' }, 'impact', 'at least 1'],
    ['text that a terminal obeys', { impact: 'a\u001b[31m' }, 'impact', 'control characters'],
    ['a book', { action: 'x'.repeat(5_001) }, 'action', 'at most 5000'],
    ['a day without a time', { exploitedSince: '2026-11-01' }, 'exploitedSince', 'instant'],
    ['a key that nobody knows', { score: 9.8 }, 'score', 'no such key'],
    ['lists of nothing', { aliases: [] }, 'aliases', 'at least 1'],
    ['too many', { aliases: Array.from({ length: 51 }, (_, i) => `GHSA-${i}`) }, 'aliases', 'at most 50'],
  ])('are not %s', (_what, parts, path, expected) => {
    const refused = refusalOf(() => parseDocument(advisoryDetails, { ...base, ...parts }, 'd'));

    const [issue] = dataOf(refused, 'document/invalid').issues;
    expect(issue?.path).toBe(path);
    expect(issue?.expected).toContain(expected);
  });
});
