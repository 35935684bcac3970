// Numbers as they stand in the scripts of a patch: seven bits in a byte, the lowest first, the eighth bit where more follow.

/** Larger ones are refused. */
export const MAX_SCRIPT_NUMBER = 2 ** 42 - 1;

export interface NumberReader {
  number(): number;
  /** Forth times two, or back times two less one. */
  signed(): number;
  at(): number;
}

export function createNumberReader(bytes: Uint8Array, damaged: () => Error): NumberReader {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; scale < MAX_SCRIPT_NUMBER; scale *= 128) {
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

export function putNumber(into: number[], value: number): void {
  if (!(value >= 0 && value <= MAX_SCRIPT_NUMBER)) throw new RangeError(`no number of a script: ${value}`);
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) into.push((left & 127) | 128);
  into.push(left);
}

export function putSigned(into: number[], value: number): void {
  putNumber(into, value < 0 ? -value * 2 - 1 : value * 2);
}
