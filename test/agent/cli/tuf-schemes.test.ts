// The signature schemes of other repositories, and that the agent itself knows none of them.
import { constants, generateKeyPairSync, type SignKeyObjectInput, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadAnyKey } from '../../../agent/cli/tuf-schemes.ts';
import { type Key, loadEd25519Key } from '../../../shared/trust/key.ts';

const MESSAGE = Buffer.from('signed');
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

function pemKey(scheme: string, pair: typeof ec): Key {
  const [keytype = '', name = ''] = scheme.split('/');
  return { keytype, scheme: name, public: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString() };
}

const schemes: [string, typeof ec, Omit<SignKeyObjectInput, 'key'>][] = [
  ['ecdsa/ecdsa-sha2-nistp256', ec, {}],
  ['ecdsa-sha2-nistp256/ecdsa-sha2-nistp256', ec, {}],
  ['rsa/rsassa-pss-sha256', rsa, pss],
  ['rsa/rsa-pkcs1v15-sha256', rsa, {}],
];

describe.each(schemes)('%s', (scheme, pair, options) => {
  const key = loadAnyKey(pemKey(scheme, pair))!;
  const signature = sign('sha256', MESSAGE, { key: pair.privateKey, ...options });

  it('verifies a right signature and no other', () => {
    expect(key.verify(MESSAGE, signature)).toBe(true);
    expect(key.verify(Buffer.from('other'), signature)).toBe(false);
    expect(key.verify(MESSAGE, signature.subarray(1))).toBe(false);
    expect(key.verify(MESSAGE, Buffer.alloc(0))).toBe(false);
  });

  it('knows the same key in another spelling', () => {
    const pem = pemKey(scheme, pair);
    const other = loadAnyKey({ ...pem, public: pem.public.replaceAll('\n', '\r\n') })!;

    expect(other.identity).toBe(key.identity);
  });

  it('is nothing to the agent', () => {
    expect(loadEd25519Key(pemKey(scheme, pair))).toBeNull();
  });
});

it('takes no signature of one RSA scheme for the other', () => {
  const signature = sign('sha256', MESSAGE, { key: rsa.privateKey, ...pss });

  expect(loadAnyKey(pemKey('rsa/rsa-pkcs1v15-sha256', rsa))!.verify(MESSAGE, signature)).toBe(false);
});

it.each<[string, Key]>([
  [
    'a curve that was not asked for',
    pemKey('ecdsa/ecdsa-sha2-nistp256', generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  ],
  [
    'RSA below 2048 bits',
    pemKey('rsa/rsassa-pss-sha256', generateKeyPairSync('rsa', { modulusLength: 1024 })),
  ],
  ['an RSA key under an ECDSA name', pemKey('ecdsa/ecdsa-sha2-nistp256', rsa)],
  ['what is not PEM', { keytype: 'rsa', scheme: 'rsassa-pss-sha256', public: 'no key' }],
  ['an unknown scheme', pemKey('ecdsa/ecdsa-sha2-nistp521', ec)],
])('does not load %s', (_what, key) => {
  expect(loadAnyKey(key)).toBeNull();
});
