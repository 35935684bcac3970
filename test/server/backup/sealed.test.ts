// Sealed files: every size comes back, and nothing that was touched anywhere does.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseBackupKeys } from '../../../server/backup/keys.ts';
import { CHUNK_BYTES, collect, seal, sealBytes, unseal, unsealBytes } from '../../../server/backup/sealed.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { refusedCode } from '../../support/error-code.ts';

const OLD = 'old '.repeat(10);
const NEW = 'new '.repeat(10);
const keys = parseBackupKeys(NEW, 'a test');
const NAME = 'data/one';
const HEADER = 48;
const SEALED_CHUNK = CHUNK_BYTES + 16;

const sealed = (plain: Uint8Array, name = NAME) => sealBytes(keys.current, name, plain);
const opened = (bytes: Uint8Array, name = NAME) => unsealBytes(keys, name, bytes);

describe('what is sealed', () => {
  it.each([0, 1, 1_000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])(
    'comes back whole: %d bytes',
    async (size) => {
      const plain = randomBytes(size);
      expect((await opened(await sealed(plain))).equals(plain)).toBe(true);
    },
  );

  it('comes back however the pieces were cut that it came in', async () => {
    const plain = randomBytes(2 * CHUNK_BYTES + 77);
    const pieces = [0, 1, 5, CHUNK_BYTES, CHUNK_BYTES + 3, plain.length].map((at, index, all) =>
      plain.subarray(all[index - 1] ?? 0, at),
    );
    const whole = await collect(seal(keys.current, NAME, pieces));
    const bytes = [...whole.subarray(0, 100)].map((byte) => Uint8Array.of(byte));
    const back = await collect(unseal(keys, NAME, [...bytes, whole.subarray(100)]));
    expect(back.equals(plain)).toBe(true);
  });

  it('never looks the same twice, and shows nothing of what it holds', async () => {
    const plain = Buffer.from('the same words');
    const [first, second] = [await sealed(plain), await sealed(plain)];
    expect(first.equals(second)).toBe(false);
    expect(first.includes('the same words')).toBe(false);
  });
});

describe('what was touched', () => {
  it('is refused with any one bit turned, wherever it is', async () => {
    const whole = await sealed(Buffer.from('a few words that matter'));
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const isKeyId = at >= 8 && at < 16;
      expect(await refusedCode(opened(changed)), `byte ${at}`).toBe(
        isKeyId ? 'backup/key-unknown' : 'backup/damaged',
      );
    }
  });

  it('is refused cut off anywhere, between two chunks too', async () => {
    const small = await sealed(Buffer.from('a few words that matter'));
    const large = await sealed(randomBytes(2 * CHUNK_BYTES + 5));
    for (let at = 0; at < small.length; at++)
      expect(await refusedCode(opened(small.subarray(0, at))), `byte ${at}`).toBe('backup/damaged');
    for (const at of [HEADER, HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK, large.length - 1])
      expect(await refusedCode(opened(large.subarray(0, at))), `byte ${at}`).toBe('backup/damaged');
  });

  it('is refused with chunks in another order, twice, missing, or of another file', async () => {
    const [one, other] = [
      await sealed(randomBytes(3 * CHUNK_BYTES)),
      await sealed(randomBytes(3 * CHUNK_BYTES)),
    ];
    const chunk = (of: Buffer, at: number) =>
      of.subarray(HEADER + at * SEALED_CHUNK, HEADER + (at + 1) * SEALED_CHUNK);
    const header = one.subarray(0, HEADER);
    const made = {
      swapped: [header, chunk(one, 1), chunk(one, 0), chunk(one, 2)],
      twice: [header, chunk(one, 0), chunk(one, 0), chunk(one, 1), chunk(one, 2)],
      missing: [header, chunk(one, 0), chunk(one, 2)],
      spliced: [header, chunk(one, 0), chunk(other, 1), chunk(one, 2)],
      longer: [one, chunk(one, 2)],
    };
    for (const [what, pieces] of Object.entries(made))
      expect(await refusedCode(opened(Buffer.concat(pieces))), what).toBe('backup/damaged');
  });

  it('is refused under another name: an old one cannot take the place of a new one', async () => {
    expect(await refusedCode(opened(await sealed(Buffer.from('old'), 'sets/1'), 'sets/2'))).toBe(
      'backup/damaged',
    );
  });
});

describe('keys', () => {
  it('opens with an older key of the file what that one sealed, and seals with the first', async () => {
    const old = parseBackupKeys(OLD, 'a test');
    const both = parseBackupKeys(`${NEW}\n\n${OLD}\r\n`, 'a test');
    const before = await sealBytes(old.current, NAME, Buffer.from('before'));
    expect((await unsealBytes(both, NAME, before)).toString()).toBe('before');
    expect(both.current.id).toBe(keys.current.id);
  });

  it('names the key that is missing', async () => {
    const before = await sealBytes(parseBackupKeys(OLD, 'a test').current, NAME, Buffer.from('before'));
    const error = await opened(before).catch((thrown: unknown) => thrown);
    if (!isFairleadError(error, 'backup/key-unknown')) throw error;
    expect(error.data).toEqual({
      name: NAME,
      key: parseBackupKeys(OLD, 'a test').current.id,
      given: [keys.current.id],
    });
  });

  it.each([
    ['nothing', ''],
    ['empty lines', '\n\n'],
    ['a short one', 'short'],
    ['a short older one', `${NEW}\nshort`],
    ['too many', Array.from({ length: 101 }, (_, at) => `${at} ${NEW}`).join('\n')],
  ])('refuses %s, and does not repeat it', async (_what, text) => {
    const error = await Promise.resolve()
      .then(() => parseBackupKeys(text, '/etc/key'))
      .catch((thrown: unknown) => thrown);
    if (!isFairleadError(error, 'backup/key-unfit')) throw error;
    expect(`${error.message} ${error.hint}`).not.toContain('short\n');
    expect(JSON.stringify(error.data)).not.toContain(NEW.trim());
  });
});
