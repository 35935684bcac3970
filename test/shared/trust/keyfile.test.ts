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
import { codeOf } from '../../support/error-code.ts';

const SEED = new Uint8Array(32).fill(7);
const PASSPHRASE = 'correct horse battery staple';

function seal(passphrase = PASSPHRASE): KeyFile {
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
    expect(openKeyFile(seal(), PASSPHRASE, 'key.json')).toEqual(signingKeyFromSeed(SEED));
  });

  it('survives being written and read', () => {
    const file = seal();

    expect(parseDocument(keyFile, JSON.parse(JSON.stringify(file)), 'key.json')).toEqual(file);
  });

  it.each(['', 'short', 'seven77', 'e\u0301'.repeat(7)])('is not sealed with %j', (passphrase) => {
    expect(codeOf(() => seal(passphrase))).toBe('vendor/passphrase-short');
  });

  it('does not hold the seed in the clear', () => {
    expect(JSON.stringify(seal())).not.toContain(Buffer.from(SEED).toString('base64url').slice(0, 20));
  });

  it('does not open with another passphrase', () => {
    expect(codeOf(() => openKeyFile(seal(), 'wrong', 'key.json'))).toBe('vendor/wrong-passphrase');
  });

  it('opens whichever way the passphrase composes its accents', () => {
    const file = seal('caf\u00e9 at noon');

    expect(openKeyFile(file, 'cafe\u0301 at noon', 'key.json').keyid).toBe(file.keyid);
  });

  it.each<[string, (file: KeyFile) => KeyFile]>([
    ['another public key', (file) => ({ ...file, public: 'ab'.repeat(32) })],
    ['another key id', (file) => ({ ...file, keyid: 'ab'.repeat(32) })],
    ['a nonce that is too short', (file) => ({ ...file, box: { ...file.box, nonce: 'AAAA' } })],
  ])('is damaged with %s', (_what, tamper) => {
    expect(codeOf(() => openKeyFile(tamper(seal()), PASSPHRASE, 'key.json'))).toBe('vendor/key-damaged');
  });

  it('does not open when a byte of the sealed part is another', () => {
    const file = seal();
    const sealed = `${file.box.sealed.slice(0, -2)}${file.box.sealed.endsWith('AA') ? 'BA' : 'AA'}`;

    const act = () => openKeyFile({ ...file, box: { ...file.box, sealed } }, PASSPHRASE, 'key.json');

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
    const file = seal();

    expect(codeOf(() => parseDocument(keyFile, { ...file, ...changes(file) }, 'key.json'))).toBe(
      'document/invalid',
    );
  });

  it('holds every letter of its alphabets', () => {
    const file = seal();
    const kdf = { ...file.kdf, salt: 'AZaz09_-' };
    const roles = Array.from({ length: 16 }, () => 'releases');

    expect(parseDocument(keyFile, { ...file, kdf, roles, keyid: '09af'.repeat(16) }, 'key.json').kdf).toEqual(
      kdf,
    );
  });

  it('is refused when it asks for another cost', () => {
    const file = seal();
    const hostile = { ...file, kdf: { ...file.kdf, n: 2 ** 30 } };

    expect(codeOf(() => parseDocument(keyFile, hostile, 'key.json'))).toBe('document/invalid');
  });
});
