// One agent that is restarted, however often, is one; two that speak in turns are two.
import { describe, expect, it } from 'vitest';
import { hear, NO_VOICES, twinsHeard } from '../../../server/core/quota.ts';

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

  it.each([
    ['just before a day is over', 24 * HOUR - 1, true],
    ['when it is', 24 * HOUR, false],
  ])('are still known %s', (_when, between, known) => {
    const once = hear(hear(hear(NO_VOICES, 'a', 0), 'b', 0), 'a', 0);
    expect(twinsHeard(hear(once, 'b', between)) !== null).toBe(known);
  });

  it('are told apart by four names, each once, the last to speak first', () => {
    expect(listen('ababcdc').boots).toEqual(['c', 'd', 'b', 'a']);
    expect(twinsHeard(listen('abcdabcd'))).not.toBeNull();
    expect(twinsHeard(listen('abcdeabcde'))).toBeNull();
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
