// How a unit of machine code is built: runs of the dictionary with a difference added to each byte, and literal bytes between them.
import type { Digest } from '../encoding/digest.ts';
import { damagedPack } from './pack-format.ts';

/*
 * Where an address moved, code differs from the old code in one byte of many: added, these differences are almost all zero.
 *
 *   the bytes of the steps, the bytes of the literals (two numbers)
 *   steps: seek, copied bytes, literal bytes
 *   literals of all steps
 *   differences of all steps
 *
 * A number has seven bits in a byte, the lowest first, the eighth bit where more follow. A step seeks from
 * where the last one stopped in the dictionary (the bytes forth times two, or back times two less one), adds its differences
 * to what stands there, then takes its literals.
 */

/** A script may be so much longer than what it makes. */
export function maxScriptBytes(raw: number): number {
  return raw + (raw >> 2) + 64;
}

/** In time that grows with `raw` alone. Error: tree/pack-damaged. */
export function runScript(script: Uint8Array, dictionary: Uint8Array, raw: number, to: Digest): Uint8Array {
  const damaged = () => damagedPack(to, 'the script of a unit does not make what it should');
  const reader = createReader(script, damaged);
  const stepBytes = reader.number();
  const literalBytes = reader.number();
  const stepsEnd = reader.at() + stepBytes;
  let literal = stepsEnd;
  let difference = stepsEnd + literalBytes;
  if (difference > script.length) throw damaged();
  const made = Buffer.allocUnsafeSlow(raw);
  let [at, from] = [0, 0];
  while (reader.at() < stepsEnd) {
    from += reader.signed();
    const [copied, literals] = [reader.number(), reader.number()];
    const fits =
      copied + literals > 0 &&
      at + copied + literals <= raw &&
      from >= 0 &&
      from + copied <= dictionary.length &&
      literal + literals <= stepsEnd + literalBytes &&
      difference + copied <= script.length;
    if (!fits) throw damaged();
    for (let i = 0; i < copied; i++) {
      made[at + i] = (dictionary[from + i] as number) + (script[difference + i] as number);
    }
    made.set(script.subarray(literal, literal + literals), at + copied);
    at += copied + literals;
    literal += literals;
    difference += copied;
    from += copied;
  }
  const isWhole = at === raw && reader.at() === stepsEnd && literal === stepsEnd + literalBytes;
  if (!isWhole || difference !== script.length) throw damaged();
  return made;
}

function createReader(bytes: Uint8Array, damaged: () => Error) {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw damaged();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw damaged();
  };
  return {
    number,
    signed: () => {
      const value = number();
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    at: () => at,
  };
}
