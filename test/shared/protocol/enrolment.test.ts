// The enrolment string: one line that a customer pastes, whole or not at all.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatEnrolment, parseEnrolment } from '../../../shared/protocol/enrolment.ts';
import { codeOf } from '../../support/error-code.ts';

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
    ['a server that is not a web address', { ...enrolment, server: 'file:///etc/passwd' }],
    ['a code that is too short', { ...enrolment, code: 'short' }],
    ['a key nobody knows', { ...enrolment, extra: 1 }],
  ])('refuses %s', (_what, value) => {
    expect(codeOf(() => parseEnrolment(formatEnrolment(value)))).toBe('enrolment/invalid');
  });
});
