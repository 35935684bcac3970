// Redaction: no secret leaves whole, in lines, in another writing, or by half.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, createSecrets, redactStrings } from '../../../shared/encoding/redact.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';

const PEM = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\nBCIEIA3tKq9f\n-----END PRIVATE KEY-----';

describe('a redactor', () => {
  it.each([
    ['whole', ['hunter2'], 'login hunter2 failed', 'login ••• failed'],
    ['twice', ['hunter2'], 'hunter2/hunter2', '•••/•••'],
    ['one that begins another', ['abcd', 'abcdefgh'], 'got abcdefgh and abcd', 'got ••• and •••'],
    ['one of its lines alone', [PEM], 'bad line: BCIEIA3tKq9f', 'bad line: •••'],
    ['as JSON writes it', ['a"b\\c'], String.raw`{"pw":"a\"b\\c"}`, '{"pw":"•••"}'],
    ['as a URL writes it', ['p@ss word'], 'postgres://u:p%40ss%20word@db', 'postgres://u:•••@db'],
    ['with a line break at its end', ['hunter2\n'], 'hunter2', '•••'],
    [
      'one of whose lines begins as a PEM file does',
      ['----A----hunter2\nabc'],
      'pw ----A----hunter2!',
      'pw •••!',
    ],
    [
      'one of whose lines ends as a PEM file does',
      ['hunter2----A----\nabc'],
      'pw hunter2----A----!',
      'pw •••!',
    ],
    ['cut at the end', ['correct-horse'], 'it was correct-ho', 'it was •••'],
    ['cut at the end by an ellipsis', ['correct-horse'], 'it was correct-ho…', 'it was •••…'],
    ['cut at the end before a line break', ['correct-horse'], 'it was correct-ho \n', 'it was ••• \n'],
    ['cut behind another ellipsis', ['correct-horse'], 'it… was correct-ho…\n', 'it… was •••…\n'],
    ['cut by its last letter', ['hunter2'], 'it was hunter', 'it was •••'],
    ['cut by its first letter', ['hunter2'], 'unter2 it was', '••• it was'],
    ['cut where its letters repeat', ['aaaaaaaa'], 'it was aaaaa', 'it was •••'],
    ['of two by which more of the text is one', ['1234-and-more', 'a1234xy'], 'it was a1234', 'it was •••'],
    ['of four letters', ['pass'], 'a pass', 'a •••'],
    ['cut to four letters at both ends', ['secret'], 'cret and more and secr', '••• and more and •••'],
    ['cut at the beginning', ['correct-horse'], 'ect-horse it was', '••• it was'],
  ])('hides a secret %s', (_, secrets, text, expected) => {
    expect(createRedactor(secrets)(text)).toBe(expected);
  });

  it('hides what a sanitiser has touched already', () => {
    const secret = 'one\u0007two\nthree\u202efour';

    const hidden = createRedactor([secret])(sanitizeLine(`pw=${secret}!`));

    expect(hidden).not.toMatch(/one|two|three|four/);
  });

  it.each([
    ['every text where there is none', [], ' on…  \n'],
    ['values too short to be one', ['on', '80'], 'listens on 80'],
    ['what says only that a key stands there', [PEM], 'no -----BEGIN PRIVATE KEY----- in it'],
    ['words that share three letters with a secret at an end', ['secret'], 'sec or ret'],
  ])('leaves %s alone', (_, secrets, text) => {
    expect(createRedactor(secrets)(text)).toBe(text);
  });

  it('lets no secret through, whichever stand beside each other in the text', () => {
    const secret = fc.string({ unit: 'grapheme-ascii', minLength: 4, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(3)), (secrets, order) => {
        const text = order.map((index) => `<${secrets[index % secrets.length]}>`).join('');

        const hidden = createRedactor(secrets)(text);

        return secrets.every((one) => !hidden.includes(one) || '<•••>'.includes(one));
      }),
    );
  });

  it('costs the lines of a log little, however long the secrets are', () => {
    const keys = Array.from({ length: 480 }, (_, i) => `${i}`.padEnd(64, 'x')).join('\n');
    const redact = createRedactor([keys, 'y'.repeat(32_000)]);
    const begun = performance.now();

    for (let i = 0; i < 300; i++) redact(`a line of a log ${i}`);

    // A turn of the event loop for each would be 50 ms without the care taken.
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it('costs a line of blanks no more than one of letters', () => {
    const redact = createRedactor(['hunter2']);
    const begun = performance.now();

    expect(redact(`a${' '.repeat(200_000)}b`)).toHaveLength(200_002);

    expect(performance.now() - begun).toBeLessThan(500);
  });

  it('knows the first five hundred lines of a secret by themselves', () => {
    const lines = Array.from({ length: 501 }, (_, i) => `line-${i}-of-it`);
    const redact = createRedactor([lines.join('\n')]);

    expect(redact(`got ${lines[499]}!`)).toBe('got •••!');
    expect(redact(`got ${lines[500]}!`)).not.toBe('got •••!');
  });

  it('takes secrets out of every text of a value and leaves names and numbers', () => {
    const value = { hunter2: ['hunter2', { n: 1, none: null }], ok: true };

    expect(redactStrings(value, createRedactor(['hunter2']))).toEqual({
      hunter2: ['•••', { n: 1, none: null }],
      ok: true,
    });
  });
});

describe('the secrets of a program', () => {
  it('are hidden from the moment they are learned', () => {
    const secrets = createSecrets();
    const before = secrets.redact('pw hunter2!');
    secrets.learn('hunter2');
    secrets.learn('hunter2');
    secrets.learn('swordfish');

    expect([before, secrets.redact('pw hunter2! swordfish.')]).toEqual(['pw hunter2!', 'pw •••! •••.']);
  });

  it('are the last thousand', () => {
    const secrets = createSecrets();
    for (let i = 0; i < 1001; i++) secrets.learn(`<secret ${i}>`);

    expect(secrets.redact('(<secret 0>) (<secret 1>) (<secret 1000>)')).toBe('(<secret 0>) (•••) (•••)');
  });
});
