// A policy that nobody can meet, and one that holds what is over: each rule by itself, and the line it stops at.
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { findStale } from '../../../shared/policy/satisfiable.ts';
import { findUnsatisfiable } from '../../support/finished.ts';
import { policyOf } from '../../support/scenario.ts';

const NOW = instantMs('2026-03-02T12:00:00Z');
const window = (name: string, cron: string, duration = 'PT1H') => ({ name, cron, duration, zone: 'UTC' });
const night = window('night', '0 2 * * *');
const always = window('always', '* * * * *', 'P1D');
const never = window('never', '0 2 30 2 *');
const [KEY, OTHER] = ['a'.repeat(64), 'b'.repeat(64)];

const problemsOf = (part: Readonly<Record<string, unknown>>) =>
  findUnsatisfiable(policyOf(part), NOW).map((problem) => problem.replace(/[":,].*/, ''));

describe('what can never come true', () => {
  it.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['nothing where nothing is ruled', {}, []],
    [
      'nothing where a window opens',
      { windows: { allow: [night], deny: [window('noon', '0 12 * * *')] } },
      [],
    ],
    [
      'a time to start, where every minute is denied',
      { windows: { deny: [always] } },
      ['deny windows leave no time at which a deployment may start'],
    ],
    [
      'a window that opens, where all are denied',
      { windows: { allow: [night], deny: [always] } },
      ['no window opens'],
    ],
    [
      'a window whose date never comes',
      { windows: { allow: [night, never] } },
      ['the window never never begins'],
    ],
    [
      'one that is to deny, and the one that is allowed beside it',
      { windows: { allow: [{ ...never, name: 'first' }], deny: [{ ...never, name: 'second' }] } },
      ['no window opens', 'the window first never begins', 'the window second never begins'],
    ],
    [
      'a window as long as the soak',
      { windows: { allow: [window('short', '0 2 * * *', 'PT4M')] } },
      ['no window of the year to come is as long as the soak of PT5M'],
    ],
    ['nothing where it is as long', { windows: { allow: [window('short', '0 2 * * *', 'PT5M')] } }, []],
    [
      'nothing where two that touch are as long together',
      { windows: { allow: [window('one', '0 2 * * *', 'PT3M'), window('two', '3 2 * * *', 'PT3M')] } },
      [],
    ],
    [
      'nothing where deployments are not watched',
      { soak: 'PT0S', windows: { allow: [window('short', '0 2 * * *', 'PT4M')] } },
      [],
    ],
    [
      'two approvals of one person with two keys',
      {
        approvals: {
          required: 2,
          approvers: [
            { name: 'ada', key: KEY },
            { name: 'ada', key: OTHER },
          ],
        },
      },
      ['2 approvals are required of 1 person'],
    ],
    [
      'nothing where there are as many people as approvals',
      {
        approvals: {
          required: 2,
          approvers: [
            { name: 'ada', key: KEY },
            { name: 'bob', key: OTHER },
          ],
        },
      },
      [],
    ],
  ])('is %s', (_what, part, problems) => {
    expect(problemsOf(part)).toEqual(problems);
  });
});

describe('what holds nothing any more', () => {
  const pin = (level: string, expires?: string) => ({
    level,
    ...(level === 'platform' ? {} : { name: level === 'suite' ? 'core' : 'core/auth' }),
    version: '1.0.0',
    owner: 'ada',
    reason: 'audit',
    ...(expires === undefined ? {} : { expires }),
  });
  const hold = (until: string) => ({ since: '2026-03-01T00:00:00Z', until, reason: 'audit', by: 'ada' });
  const [PAST, AT_ONCE, SOON] = ['2026-03-02T11:59:59Z', '2026-03-02T12:00:00Z', '2026-03-02T12:00:01Z'];

  it.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['nothing where nothing is held', {}, []],
    ['no pin without an end', { pins: [pin('suite')] }, []],
    ['no pin before its end', { pins: [pin('suite', SOON)] }, []],
    ['a pin at its end', { pins: [pin('suite', AT_ONCE)] }, [`the pin of core expired at ${AT_ONCE}`]],
    [
      'pins after their end, the platform’s among them',
      { pins: [pin('platform', PAST), pin('suite'), pin('capability', PAST)] },
      [`the pin of platform expired at ${PAST}`, `the pin of core/auth expired at ${PAST}`],
    ],
    ['no hold before its end', { hold: hold(SOON), emergencyHold: hold(SOON) }, []],
    ['a hold at its end', { hold: hold(AT_ONCE) }, [`the hold ended at ${AT_ONCE}`]],
    [
      'an emergency hold at its end',
      { emergencyHold: hold(AT_ONCE) },
      [`the emergency hold ended at ${AT_ONCE}`],
    ],
    [
      'both',
      { hold: hold(PAST), emergencyHold: hold(AT_ONCE) },
      [`the hold ended at ${PAST}`, `the emergency hold ended at ${AT_ONCE}`],
    ],
  ])('is %s', (_what, part, lines) => {
    expect(findStale(policyOf(part), NOW)).toEqual(lines);
  });
});
