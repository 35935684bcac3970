// Key files: what is sealed opens with its passphrase only, and nothing in the file can be exchanged unnoticed.
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { signingKeyFromSeed } from '../../../shared/trust/key.ts';
import {
  type KeyFile,
  keyFile,
  NONCE_BYTES,
  openKeyFile,
  SALT_BYTES,
  sealKeyFile,
} from '../../../shared/trust/keyfile.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const SEED = new Uint8Array(32).fill(7);
/** The seed, sealed by version 1. */
const SEALED = 'X9CDhz-qzkiJo3AFX1pyHlecRg9XFPRp9lc0TTj35D_xH7QsX0QYEPbfYKkoZj8V';
const PASSPHRASE = 'correct horse battery staple';

/** Sealing takes a tenth of a second: most tests look at one file. */
const FILE = seal(PASSPHRASE);

function seal(passphrase: string): KeyFile {
  return sealKeyFile({
    seed: SEED,
    roles: ['releases'],
    label: 'releases-1',
    passphrase,
    salt: new Uint8Array(SALT_BYTES).fill(1),
    nonce: new Uint8Array(NONCE_BYTES).fill(2),
  });
}

describe('a key file', () => {
  it('opens to the key that was sealed', () => {
    expect(openKeyFile(FILE, PASSPHRASE, 'key.json')).toEqual(signingKeyFromSeed(SEED));
  });

  it('survives being written and read', () => {
    expect(parseDocument(keyFile, JSON.parse(JSON.stringify(FILE)), 'key.json')).toEqual(FILE);
  });

  it.each(['', 'short', 'seven77', 'e\u0301'.repeat(7)])('is not sealed with %j', (passphrase) => {
    expect(
      dataOf(
        refusalOf(() => seal(passphrase)),
        'vendor/passphrase-short',
      ),
    ).toEqual({ least: 8 });
  });

  it('is the same for ever: what was sealed once is opened by every later version', () => {
    expect([SALT_BYTES, NONCE_BYTES]).toEqual([32, 24]);
    expect(seal('eight888')).toEqual({
      schema: 'fairlead/key@1',
      roles: ['releases'],
      label: 'releases-1',
      keyid: signingKeyFromSeed(SEED).keyid,
      public: signingKeyFromSeed(SEED).key.keyval.public,
      kdf: { name: 'scrypt', n: 32_768, r: 8, p: 1, salt: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' },
      box: { name: 'nacl-secretbox', nonce: 'AgICAgICAgICAgICAgICAgICAgICAgIC', sealed: SEALED },
    });
  });

  it('does not hold the seed in the clear', () => {
    expect(JSON.stringify(FILE)).not.toContain(Buffer.from(SEED).toString('base64url').slice(0, 20));
  });

  it('does not open with another passphrase', () => {
    expect(codeOf(() => openKeyFile(FILE, 'wrong', 'key.json'))).toBe('vendor/wrong-passphrase');
  });

  it('opens whichever way the passphrase composes its accents', () => {
    const file = seal('caf\u00e9 at noon');

    expect(openKeyFile(file, 'cafe\u0301 at noon', 'key.json').keyid).toBe(file.keyid);
  });

  it.each<[string, (file: KeyFile) => KeyFile]>([
    ['another public key', (file) => ({ ...file, public: 'ab'.repeat(32) })],
    ['another key id', (file) => ({ ...file, keyid: 'ab'.repeat(32) })],
    ['a nonce that is too short', (file) => ({ ...file, box: { ...file.box, nonce: 'AAAA' } })],
    ['a nonce that no encoder writes', (file) => ({ ...file, box: { ...file.box, nonce: 'A' } })],
    ['a salt that no encoder writes', (file) => ({ ...file, kdf: { ...file.kdf, salt: 'A' } })],
    ['a seal that no encoder writes', (file) => ({ ...file, box: { ...file.box, sealed: 'A' } })],
  ])('is damaged with %s', (_what, tamper) => {
    expect(codeOf(() => openKeyFile(tamper(FILE), PASSPHRASE, 'key.json'))).toBe('vendor/key-damaged');
  });

  it('does not open when a byte of the sealed part is another', () => {
    const sealed = `${FILE.box.sealed.slice(0, -2)}${FILE.box.sealed.endsWith('AA') ? 'BA' : 'AA'}`;

    const act = () => openKeyFile({ ...FILE, box: { ...FILE.box, sealed } }, PASSPHRASE, 'key.json');

    expect(codeOf(act)).toMatch(/^vendor\/(?:wrong-passphrase|key-damaged)$/);
  });

  it.each<[string, (file: KeyFile) => object]>([
    ['a padded salt', (file) => ({ kdf: { ...file.kdf, salt: `${file.kdf.salt}=` } })],
    ['no salt', (file) => ({ kdf: { ...file.kdf, salt: '' } })],
    ['another alphabet', (file) => ({ box: { ...file.box, nonce: `+${file.box.nonce}` } })],
    ['nothing sealed', (file) => ({ box: { ...file.box, sealed: '' } })],
    ['a key id in capitals', (file) => ({ keyid: file.keyid.toUpperCase().replace(/^\d/, 'A') })],
    ['a key id too long', (file) => ({ keyid: `${file.keyid}0` })],
    ['a public key behind something', (file) => ({ public: `x${file.public}` })],
    ['more roles than there can be', () => ({ roles: Array.from({ length: 17 }, () => 'releases') })],
  ])('is refused with %s', (_what, changes) => {
    expect(codeOf(() => parseDocument(keyFile, { ...FILE, ...changes(FILE) }, 'key.json'))).toBe(
      'document/invalid',
    );
  });

  it('holds every letter of its alphabets', () => {
    const kdf = { ...FILE.kdf, salt: 'AZaz09_-' };
    const roles = Array.from({ length: 16 }, () => 'releases');

    expect(parseDocument(keyFile, { ...FILE, kdf, roles, keyid: '09af'.repeat(16) }, 'key.json').kdf).toEqual(
      kdf,
    );
  });

  it('is refused when it asks for another cost', () => {
    const hostile = { ...FILE, kdf: { ...FILE.kdf, n: 2 ** 30 } };

    expect(codeOf(() => parseDocument(keyFile, hostile, 'key.json'))).toBe('document/invalid');
  });
});
