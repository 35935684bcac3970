// The enrolment string: one line that a customer pastes, whole or not at all.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatEnrolment, parseEnrolment } from '../../../shared/protocol/enrolment.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const enrolment = {
  server: 'https://updates.example.com',
  code: 'abcdefghijklmnopqrstuv',
  root: { version: 3, digest: digestOf(utf8('root')) },
};

describe('the enrolment string', () => {
  it('comes back as it was made, also with white space around it', () => {
    const text = formatEnrolment(enrolment);

    expect(text).toMatch(/^fairlead1_[A-Za-z0-9_-]+$/);
    expect(parseEnrolment(`  ${text}\n`)).toEqual(enrolment);
  });

  it('is refused when any character is missing or the prefix is wrong', () => {
    const text = formatEnrolment(enrolment);

    fc.assert(
      fc.property(fc.nat(text.length - 1), (at) => {
        const damaged = text.slice(0, at) + text.slice(at + 1);
        expect(codeOf(() => parseEnrolment(damaged))).toBe('enrolment/invalid');
      }),
    );
  });

  it.each([
    ['every letter of a code', { ...enrolment, code: 'AZaz09_-AZaz09_-AZaz09_-' }],
    ['the shortest code', { ...enrolment, code: 'a'.repeat(22) }],
    ['the longest code', { ...enrolment, code: 'a'.repeat(64) }],
    [
      'a server without TLS, with a port and a path',
      { ...enrolment, server: 'http://10.0.0.1:8080/updates' },
    ],
    ['the first root', { ...enrolment, root: { ...enrolment.root, version: 1 } }],
  ])('may hold %s', (_what, value) => {
    expect(parseEnrolment(formatEnrolment(value))).toEqual(value);
  });

  it.each([
    ['', 'it is not an enrolment string'],
    ['fairlead1_', 'its content is damaged'],
    ['fairlead1_e30=', 'it is not an enrolment string'],
    ['fairlead1_e30', 'its content is damaged'],
    ['e30', 'it is not an enrolment string'],
    ['xfairlead1_e30', 'it is not an enrolment string'],
  ])('says why %j is none', (text, problem) => {
    expect(
      dataOf(
        refusalOf(() => parseEnrolment(text)),
        'enrolment/invalid',
      ),
    ).toEqual({ problem });
  });

  it.each([
    ['a code that is too long', { ...enrolment, code: 'a'.repeat(65) }],
    ['a code of 21 letters', { ...enrolment, code: 'a'.repeat(21) }],
    ['a code with a blank before it', { ...enrolment, code: ` ${enrolment.code}` }],
    ['a code with a sign behind it', { ...enrolment, code: `${enrolment.code}=` }],
    ['a root of no version', { ...enrolment, root: { ...enrolment.root, version: 0 } }],
    ['a server of another protocol', { ...enrolment, server: 'xhttps://updates.example.com' }],
    ['a server of a protocol that begins the same', { ...enrolment, server: 'https2://updates.example.com' }],
    ['a server that is not a web address', { ...enrolment, server: 'file:///etc/passwd' }],
    ['a code that is too short', { ...enrolment, code: 'short' }],
    ['a key nobody knows', { ...enrolment, extra: 1 }],
  ])('refuses %s', (_what, value) => {
    expect(codeOf(() => parseEnrolment(formatEnrolment(value)))).toBe('enrolment/invalid');
  });
});
