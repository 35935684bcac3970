// The words of a unit's command, written and read again.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quote, startWords, withoutSpecifiers } from '../../../shared/node/service/unit.ts';

const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0') && text.isWellFormed());

it('reads every word as it was written, and finds none in the lines around it', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      const unit = `[Service]\nType=notify\nExecStart=:${words.map(quote).join(' ')}\nRestart=always\n`;
      expect(startWords(unit)?.map(withoutSpecifiers)).toEqual(words);
    }),
  );
});

it.each([
  ['has no command', '[Service]\nType=notify\n'],
  ['was written anew by hand', '[Service]\nExecStart=/usr/bin/fairlead agent run\n'],
  ['was cut off', '[Service]\nExecStart=:"/usr/bin/fairlead" "agent'],
])('reads none from a unit that %s', (_what, unit) => {
  expect(startWords(unit)).toBeNull();
});
