// The threshold: keys are counted, not names of keys, and what does not verify counts for nothing.
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../shared/encoding/bytes.ts';
import { sign } from '../../../shared/trust/ed25519.ts';
import { type Key, type SigningKey, signingKeyFromSeed } from '../../../shared/trust/key.ts';
import type { Envelope, Signature } from '../../../shared/trust/metadata.ts';
import { isKeyTakenAway, type Signer, verifyThreshold } from '../../../shared/trust/rules.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

const PAYLOAD = Buffer.from('payload');
const keyOf = (seed: number) => signingKeyFromSeed(new Uint8Array(32).fill(seed));
const [ANN, BEN, CY, STRANGER] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)];
const publicOf = ({ key }: SigningKey): Key => ({ ...key, public: key.keyval.public });

function signer(threshold: number, keys: readonly (readonly [string, Key])[]): Signer {
  return { name: 'root', role: { keyids: keys.map(([id]) => id), threshold }, keys: new Map(keys) };
}
const OURS = [ANN, BEN, CY].map((key) => [key.keyid as string, publicOf(key)] as const);

const by = (key: SigningKey, keyid: string = key.keyid, payload = PAYLOAD): Signature => ({
  keyid,
  sig: toHex(sign(key.secretKey, payload)),
});
const envelope = (...signatures: readonly Signature[]): Envelope => ({
  role: 'targets',
  signed: {},
  signatures,
  payload: PAYLOAD,
});

describe('two of three keys', () => {
  it.each<[string, readonly Signature[]]>([
    ['two of them', [by(ANN), by(CY)]],
    ['all of them', [by(ANN), by(BEN), by(CY)]],
    ['two of them after a stranger and nonsense', [by(STRANGER), { keyid: 'x', sig: '' }, by(BEN), by(CY)]],
    ['one of them in capitals', [{ ...by(ANN), sig: by(ANN).sig.toUpperCase() }, by(BEN)]],
    [
      'one of them after its own wrong signature',
      [by(ANN, ANN.keyid, Buffer.from('other')), by(BEN), by(CY)],
    ],
  ])('are %s', (_what, signatures) => {
    expect(() => verifyThreshold(envelope(...signatures), signer(2, OURS))).not.toThrow();
  });

  it.each<[string, readonly Signature[], number]>([
    ['nobody', [], 0],
    ['one of them', [by(ANN)], 1],
    ['one of them and a stranger', [by(ANN), by(STRANGER)], 1],
    ['one of them in two spellings', [by(ANN), { ...by(ANN), sig: by(ANN).sig.toUpperCase() }], 1],
    ['one for two of them', [by(ANN), by(ANN, BEN.keyid)], 1],
    ['one for the payload and one for another', [by(ANN), by(BEN, BEN.keyid, Buffer.from('other'))], 1],
    ['one and what is not hexadecimal', [by(ANN), { keyid: BEN.keyid, sig: `${by(BEN).sig}x` }], 1],
  ])('are not %s', (_what, signatures, valid) => {
    const refusal = refusalOf(() => verifyThreshold(envelope(...signatures), signer(2, OURS)));

    expect(dataOf(refusal, 'trust/threshold')).toEqual({ role: 'targets', signer: 'root', needed: 2, valid });
  });

  it('are not one that stands under two ids', () => {
    const twice = signer(2, [...OURS, ['another-id', publicOf(ANN)]]);

    expect(() => verifyThreshold(envelope(by(ANN), by(ANN, 'another-id')), twice)).toThrow();
    expect(() => verifyThreshold(envelope(by(ANN, 'another-id'), by(BEN)), twice)).not.toThrow();
  });

  it('are none that the role does not list, or that nobody can load', () => {
    const { role, ...rest } = signer(2, OURS);
    const without = { ...rest, role: { ...role, keyids: [ANN.keyid, CY.keyid, 'unknown'] } };
    const broken = signer(1, [[ANN.keyid, { ...publicOf(ANN), scheme: 'rsassa-pss-sha256' }]]);

    expect(() => verifyThreshold(envelope(by(ANN), by(BEN), by(CY, 'unknown')), without)).toThrow();
    expect(() => verifyThreshold(envelope(by(ANN)), broken)).toThrow();
  });
});

describe('a key is taken away', () => {
  const two = OURS.slice(0, 2);

  it.each<[string, Signer, Signer, boolean]>([
    ['not where all stay', signer(1, two), signer(1, two), false],
    ['not where one joins', signer(1, two), signer(1, OURS), false],
    ['where one goes', signer(1, OURS), signer(1, two), true],
    ['where one takes the place of another', signer(1, two), signer(1, OURS.slice(1)), true],
    [
      'not where one has another id and spelling',
      signer(1, [['a', publicOf(ANN)]]),
      signer(1, [['b', { ...publicOf(ANN), public: publicOf(ANN).public.toUpperCase() }]]),
      false,
    ],
    [
      'where an id has another key',
      signer(1, [['a', publicOf(ANN)]]),
      signer(1, [['a', publicOf(BEN)]]),
      true,
    ],
    [
      'not where one goes that verified nothing',
      signer(1, [['a', { ...publicOf(ANN), scheme: '' }]]),
      signer(1, []),
      false,
    ],
  ])('%s', (_when, from, to, taken) => {
    expect(isKeyTakenAway(from, to)).toBe(taken);
  });
});
