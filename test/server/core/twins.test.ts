// One agent that is restarted, however often, is one; two that speak in turns are two.
import { describe, expect, it } from 'vitest';
import { hear, NO_VOICES, twinsHeard } from '../../../server/core/twins.ts';

const HOUR = 3_600_000;

function listen(boots: string, everyMs = HOUR) {
  return [...boots].reduce((voices, boot, i) => hear(voices, boot, (i + 1) * everyMs), NO_VOICES);
}

describe('two agents of one identity', () => {
  it.each([
    ['one that speaks on', 'aaaa', false],
    ['one that is restarted now and then', 'aabbbccd', false],
    ['one whose last word before a restart comes late', 'aababbbb'.slice(0, 4), false],
    ['two in turns', 'abab', true],
    ['two, one of them rarely heard', 'aaabaaaabaaa', true],
    ['three', 'abcabc', true],
    ['two, of which one is restarted', 'abacb', true],
  ])('%s', (_who, boots, twins) => {
    expect(twinsHeard(listen(boots)) !== null).toBe(twins);
  });

  it('are forgotten when a day passed without a return', () => {
    expect(twinsHeard(listen('abab', 25 * HOUR))).toBeNull();
  });

  it('are told by when they were last heard', () => {
    expect(twinsHeard(listen('ababaaaa'))).toBe(5 * HOUR);
  });

  it('are remembered in a bounded number of names', () => {
    const many = Array.from({ length: 1_000 }, (_, i) => String(i)).reduce(
      (v, boot) => hear(v, boot, 0),
      NO_VOICES,
    );
    expect(many.boots).toHaveLength(4);
  });
});
