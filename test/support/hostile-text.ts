// Text that breaks readers: halves of pairs, controls, reordering, keys of prototypes, and all of it at the place of a cut.
import fc from 'fast-check';

const PIECES = [
  '\ud83d',
  '\udc69',
  '👩‍👩‍👧',
  '\u0000',
  '\u001b[2J',
  '\u0085\u009b31m',
  '\u202e\u2066\u2069',
  '\u200b\ufeff\u2028',
  '\u{e0041}',
  '__proto__',
  '"\\\n\r\t',
  '\\ud83d',
  'constructor',
  '${file:/etc/shadow}',
  'ß',
  '',
];

/** `longest` counts UTF-16 units: texts as long as that, and cut there, come often. */
export function hostileText(longest = 300): fc.Arbitrary<string> {
  const pieces = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 5 })), {
    maxLength: 20,
  });
  const filled = fc
    .tuple(pieces, fc.constantFrom('x', '👩', '\ud83d'), fc.nat(3))
    .map(([parts, filler, off]) => {
      const text = parts.join('');
      return (text + filler.repeat(longest)).slice(0, longest - off);
    });
  return fc.oneof(
    pieces.map((parts) => parts.join('').slice(0, longest)),
    filled,
  );
}

/** Of any length, up to a megabyte of one line. */
export const endlessText: fc.Arbitrary<string> = fc.oneof(
  { weight: 9, arbitrary: hostileText(2000) },
  { weight: 1, arbitrary: fc.constantFrom('👩', '\ud83d', '\u202e', 'x').map((one) => one.repeat(1 << 19)) },
);
