// Ed25519: what node:crypto verifies for us is what tweetnacl says too, and what lenient verifiers take is refused.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { isPublicKey, keyPairFromSeed, sign, verifySignature } from '../../../shared/trust/ed25519.ts';

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const messages = fc.uint8Array({ maxLength: 200 });
const cheap = { numRuns: 25 };

describe('honest signatures', () => {
  it('are the same bytes tweetnacl makes, and verify on both sides', () => {
    fc.assert(
      fc.property(seeds, messages, (seed, message) => {
        const pair = keyPairFromSeed(seed);

        const signature = sign(pair.secretKey, message);

        expect(signature).toEqual(nacl.sign.detached(message, pair.secretKey));
        expect(verifySignature(pair.publicKey, message, signature)).toBe(true);
        expect(nacl.sign.detached.verify(message, signature, pair.publicKey)).toBe(true);
      }),
      cheap,
    );
  });
});

describe('mutated signatures', () => {
  it('are judged as tweetnacl judges them, whichever bit flips', () => {
    fc.assert(
      fc.property(seeds, messages, fc.nat(511), (seed, message, bit) => {
        const pair = keyPairFromSeed(seed);
        const signature = flipBit(sign(pair.secretKey, message), bit);

        const verdict = verifySignature(pair.publicKey, message, signature);

        expect(verdict).toBe(nacl.sign.detached.verify(message, signature, pair.publicKey));
        expect(verdict).toBe(false);
      }),
      cheap,
    );
  });

  it('do not verify under another key or for another message', () => {
    const a = keyPairFromSeed(new Uint8Array(32).fill(1));
    const b = keyPairFromSeed(new Uint8Array(32).fill(2));
    const signature = sign(a.secretKey, Buffer.from('yes'));

    expect(verifySignature(b.publicKey, Buffer.from('yes'), signature)).toBe(false);
    expect(verifySignature(a.publicKey, Buffer.from('no'), signature)).toBe(false);
  });

  it('are refused with S + L, which tweetnacl alone accepts', () => {
    const pair = keyPairFromSeed(new Uint8Array(32).fill(3));
    const message = Buffer.from('once');
    const signature = sign(pair.secretKey, message);
    const malleable = Buffer.concat([
      signature.subarray(0, 32),
      littleEndian(toBigInt(signature.subarray(32)) + L),
    ]);

    expect(nacl.sign.detached.verify(message, malleable, pair.publicKey)).toBe(true);
    expect(verifySignature(pair.publicKey, message, malleable)).toBe(false);
  });

  it.each([0, 31, 33, 63, 65, 128])('are refused with %i bytes', (length) => {
    const pair = keyPairFromSeed(new Uint8Array(32).fill(4));

    expect(verifySignature(pair.publicKey, Buffer.from('x'), new Uint8Array(length))).toBe(false);
  });
});

describe('the vectors of Project Wycheproof', () => {
  const { vectors } = JSON.parse(
    readFileSync(new URL('../../vectors/ed25519/wycheproof.json', import.meta.url), 'utf8'),
  ) as { vectors: Vector[] };

  it.each(vectors.map((vector) => [vector.id, vector.comment, vector] as const))(
    '%i %s',
    (_id, _comment, { key, message, signature, valid }) => {
      const verdict = verifySignature(bytesOf(key), bytesOf(message), bytesOf(signature));

      expect(verdict).toBe(valid);
    },
  );

  it('divide tweetnacl from us only where S is not reduced', () => {
    const divided = vectors
      .filter((each) => tweetnaclSays(each) !== each.valid)
      .map(({ comment }) => comment);

    expect(new Set(divided)).toEqual(new Set(['checking malleability']));
  });
});

describe('verifying', () => {
  it('takes a fraction of a millisecond: a file may carry hundreds of signatures', () => {
    const pair = keyPairFromSeed(new Uint8Array(32).fill(6));
    const message = new Uint8Array(1000);
    const signature = sign(pair.secretKey, message);
    const cpuMs = () => process.threadCpuUsage().user / 1000;
    const start = cpuMs();

    for (let i = 0; i < 200; i++) verifySignature(pair.publicKey, message, signature);

    expect((cpuMs() - start) / 200).toBeLessThan(1.5);
  });
});

describe('keys no honest signer has', () => {
  const torsion = smallOrderPoints();

  it('are exactly the eight points of small order', () => {
    expect(torsion).toHaveLength(8);
    for (const point of torsion) expect(isPublicKey(point)).toBe(false);
  });

  it('verify nothing, not even the signature that tweetnacl takes for any message', () => {
    // A = identity, R = identity, S = 0 satisfies the equation for every message.
    const identity = littleEndian(1n);
    const signature = Buffer.concat([identity, littleEndian(0n)]);

    expect(nacl.sign.detached.verify(Buffer.from('anything'), signature, identity)).toBe(true);
    expect(verifySignature(identity, Buffer.from('anything'), signature)).toBe(false);
  });

  it('are refused as the R of a signature too, which its signer could choose so', () => {
    const seed = new Uint8Array(32).fill(5);
    const pair = keyPairFromSeed(seed);
    const message = Buffer.from('x');
    const r = littleEndian(1n);
    const challenge = toBigInt(nacl.hash(Buffer.concat([r, pair.publicKey, message])));
    const signature = Buffer.concat([r, littleEndian((challenge * secretScalar(seed)) % L)]);

    expect(nacl.sign.detached.verify(message, signature, pair.publicKey)).toBe(true);
    expect(verifySignature(pair.publicKey, message, signature)).toBe(false);
  });

  it.each([0n, 1n, 2n, 18n])('are refused when their y is written as p + %i', (excess) => {
    const point = littleEndian(P + excess);

    expect(isPublicKey(point)).toBe(false);
    expect(isPublicKey(withSignBit(point))).toBe(false);
  });

  it('are not those with the largest y there is, nor with a sign', () => {
    const largest = littleEndian(P - 2n);

    expect([isPublicKey(largest), isPublicKey(withSignBit(largest))]).toEqual([true, true]);
  });

  it.each([0, 31, 33])('are refused with %i bytes', (length) => {
    expect(isPublicKey(new Uint8Array(length).fill(9))).toBe(false);
  });
});

interface Vector {
  readonly id: number;
  readonly comment: string;
  readonly key: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** It throws for signatures of another length. */
function tweetnaclSays({ key, message, signature }: Vector): boolean {
  if (signature.length !== 128) return false;
  return nacl.sign.detached.verify(bytesOf(message), bytesOf(signature), bytesOf(key));
}

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

function withSignBit(point: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(point);
  copy[31]! |= 0x80;
  return copy;
}

/** RFC 8032 §5.1.5. */
function secretScalar(seed: Uint8Array): bigint {
  const half = nacl.hash(seed).slice(0, 32);
  half[0]! &= 0xf8;
  half[31]! = (half[31]! & 0x7f) | 0x40;
  return toBigInt(half);
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse());
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** All encodings of points whose order divides 8: multiples of one point of order 8, found on the curve itself. */
function smallOrderPoints(): Uint8Array[] {
  const d = mod(-121665n * inverse(121666n));
  const add = ([x1, y1]: Point, [x2, y2]: Point): Point => {
    const t = mod(d * x1 * x2 * y1 * y2);
    return [mod((x1 * y2 + x2 * y1) * inverse(1n + t)), mod((y1 * y2 + x1 * x2) * inverse(1n - t))];
  };
  // Twice a point of order 8 has y = 0, so x² = -y², and the curve's equation becomes d·y⁴ + 2y² = 1.
  const root = squareRoot(mod(1n + d))!;
  const generator = [mod((1n + root) * inverse(-d)), mod((1n - root) * inverse(-d))]
    .map((ySquared) => squareRoot(ySquared))
    .filter((y) => y !== null)
    .map((y): Point => [squareRoot(mod((y * y - 1n) * inverse(d * y * y + 1n)))!, y])
    .find(([x]) => x !== undefined && x !== null)!;
  const encodings = new Set<string>();
  let point: Point = [0n, 1n];
  for (let i = 0; i < 8; i++) {
    point = add(point, generator);
    const encoded = littleEndian(point[1]);
    encodings.add(Buffer.from(point[0] & 1n ? withSignBit(encoded) : encoded).toString('hex'));
  }
  return [...encodings].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
}

type Point = readonly [x: bigint, y: bigint];

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b))
    if (e & 1n) result = mod(result * b);
  return result;
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n);
}

function squareRoot(value: bigint): bigint | null {
  const candidate = power(value, (P + 3n) / 8n);
  const roots = [candidate, mod(candidate * power(2n, (P - 1n) / 4n))];
  return roots.find((root) => mod(root * root) === mod(value)) ?? null;
}
