// Mail as people name it: which relays are taken, how they are spoken with, and which addresses are one.
import { describe, expect, it } from 'vitest';
import { mailAddress, parseRelay, relayUrl } from '../../../shared/schema/mail.ts';

describe('a relay', () => {
  it.each([
    ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, security: 'tls' }],
    ['smtp://Mail.Example.com', { host: 'mail.example.com', port: 587, security: 'starttls' }],
    ['smtp://mail.example.com:2525/', { host: 'mail.example.com', port: 2525, security: 'starttls' }],
    ['smtps://[2001:db8::25]:465', { host: '2001:db8::25', port: 465, security: 'tls' }],
    ['smtp-clear://127.0.0.1', { host: '127.0.0.1', port: 25, security: 'clear' }],
    ['smtp-clear://localhost:1025', { host: 'localhost', port: 1025, security: 'clear' }],
    ['smtp-clear://[::1]', { host: '::1', port: 25, security: 'clear' }],
  ] as const)('%s is %j', (text, place) => {
    expect(parseRelay(text)).toEqual(place);
    expect(relayUrl.safeParse(text).success).toBe(true);
  });

  it.each([
    // In the clear over a network, whatever the name begins with.
    ...['smtp-clear://mail.example.com', 'smtp-clear://127.0.0.1.example.com', 'smtp-clear://10.0.0.1'],
    ...['smtp-clear://localhost.', 'smtp-clear://[::ffff:10.0.0.1]', 'smtp-clear://0x7f.1'],
    // With what has no place in it.
    ...['smtp://ann:secret@mail.example.com', 'smtp://ann@mail.example.com', 'smtp://mail.example.com/path'],
    ...['smtp://mail.example.com?tls=none', 'smtp://mail.example.com#x', 'smtp://mail.example.com:0'],
    ...[
      'smtp://mail.example.com:65536',
      'smtp://mail.example.com:587:587',
      'smtp://',
      'smtp:///',
      'smtp://:25',
    ],
    ...[
      'smtp://[::g]',
      'smtp://[::1',
      'smtp://a b',
      'smtp://a\r\nb',
      'http://mail.example.com',
      'mail.example.com',
    ],
    ...['constructor://mail.example.com', ''],
  ])('%j is none', (text) => {
    expect(parseRelay(text)).toBeNull();
    expect(relayUrl.safeParse(text).success).toBe(false);
  });
});

describe('an address', () => {
  it.each(['ops@example.com', 'o.p-s+fairlead@mail.example.com', "o'brien@example.com", 'root@localhost'])(
    '%s is one',
    (text) => {
      expect(mailAddress.parse(text)).toBe(text);
    },
  );

  it.each([
    ...[
      '',
      'ops',
      '@example.com',
      'ops@',
      'a@b@c',
      '.ops@example.com',
      'o..ps@example.com',
      'ops.@example.com',
    ],
    ...['ops@-example.com', 'ops@example..com', 'ops@[127.0.0.1]', '"ops"@example.com', 'ops@exämple.com'],
    ...['ops@example.com\n', 'ops@example.com\r\nBcc: x@example.com', 'ops@example.com,x@example.com'],
    ...['Ops <ops@example.com>', 'ops @example.com', `${'a'.repeat(65)}@example.com`],
    `ops@${'a'.repeat(60)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.example`,
  ])('%j is none', (text) => {
    expect(mailAddress.safeParse(text).success).toBe(false);
  });
});
