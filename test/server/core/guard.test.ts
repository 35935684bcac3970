// What the server signs about a release that goes wrong: when, for whom, and for how long.
import { describe, expect, it } from 'vitest';
import { decideHalt, findLifted, type GuardFacts, type OwnHalt } from '../../../server/core/guard.ts';
import type { Judgement } from '../../../shared/change/judge.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.parse('2026-11-29T12:00:00Z');

const stop = (of: string | null): Judgement => ({ kind: 'stop', class: of, findings: [] });
const ours = (of: string | null, rest: Partial<OwnHalt> = {}): OwnHalt => ({
  ...{ document: 'ours', class: of, issued: NOW - HOUR_MS, expires: NOW + 23 * HOUR_MS, lifted: null },
  ...rest,
});
const published = (document: string, isForAll: boolean, hours = 23) => ({
  ...{ document, isForAll, expires: NOW + hours * HOUR_MS },
});
const facts = (rest: Partial<GuardFacts>): GuardFacts => ({
  ...{ own: [], published: null, isOrdered: false, now: NOW },
  ...rest,
});
const forAll = { class: null, until: NOW + 24 * HOUR_MS };

describe('the halt of a release', () => {
  it.each([
    ['is none while it goes well', { kind: 'goes-on' }, {}, null],
    ['is for all where all are ill', stop(null), {}, forAll],
    [
      'is for one class where the others are well',
      stop('os=debian:12'),
      {},
      { ...forAll, class: 'os=debian:12' },
    ],
    [
      'is not signed again while it lasts',
      stop('os=debian:12'),
      { own: [ours('os=debian:12')], published: published('ours', false) },
      null,
    ],
    [
      'is signed again before it ends',
      stop('os=debian:12'),
      { own: [ours('os=debian:12')], published: published('ours', false, 11) },
      { ...forAll, class: 'os=debian:12' },
    ],
    [
      'is signed again before it ends although all is well by now',
      { kind: 'goes-on' },
      { own: [ours('os=debian:12')], published: published('ours', false, 11) },
      { ...forAll, class: 'os=debian:12' },
    ],
    [
      'against an order ends by itself where all is well by now',
      { kind: 'goes-on' },
      { isOrdered: true, own: [ours(null)], published: published('ours', true, 11) },
      null,
    ],
    [
      'of the vendor is not signed again',
      { kind: 'goes-on' },
      { own: [ours(null)], published: published('vendor', true, 11) },
      null,
    ],
    [
      'is widened to all once the others are ill too',
      stop(null),
      { own: [ours('os=debian:12')], published: published('ours', false) },
      forAll,
    ],
    [
      'is widened to all once another class is ill',
      stop('os=rhel:9'),
      { own: [ours('os=debian:12')], published: published('ours', false) },
      forAll,
    ],
    ['of the vendor stands', stop(null), { published: published('vendor', true) }, null],
    ['of the vendor for a class stands', stop('os=rhel:9'), { published: published('vendor', false) }, null],
    [
      'of the vendor for a class is widened once everybody is ill',
      stop(null),
      { published: published('vendor', false) },
      forAll,
    ],
    [
      'is not signed a second time by whoever does not see yet what was signed just now',
      stop(null),
      { own: [ours(null, { issued: NOW - 30_000 })] },
      null,
    ],
    [
      'against an order ends with its 72 hours',
      stop(null),
      {
        ...{ isOrdered: true, published: published('ours', true, 10) },
        own: [ours(null, { issued: NOW - 50 * HOUR_MS, expires: NOW + 10 * HOUR_MS })],
      },
      { class: null, until: NOW + 22 * HOUR_MS },
    ],
    [
      'against an order is widened a minute after it was signed for a class',
      stop(null),
      {
        ...{
          isOrdered: true,
          published: { ...published('ours', false), expires: NOW + 24 * HOUR_MS - 60_000 },
        },
        own: [ours('os=debian:12', { issued: NOW - 60_000, expires: NOW + 24 * HOUR_MS - 60_000 })],
      },
      forAll,
    ],
    [
      'against an order is widened for what is left where its 72 hours are used up',
      stop(null),
      {
        ...{ isOrdered: true, published: published('ours', false, 10) },
        own: [ours('os=debian:12', { issued: NOW - 62 * HOUR_MS, expires: NOW + 10 * HOUR_MS })],
      },
      { class: null, until: NOW + 10 * HOUR_MS },
    ],
    [
      'against an order is widened for as long as the vendor’s for a class lasts',
      stop(null),
      { isOrdered: true, published: published('vendor', false, 40) },
      { class: null, until: NOW + 40 * HOUR_MS },
    ],
  ] as const)('%s', (_name, judged, given, wanted) => {
    expect(decideHalt(judged as Judgement, facts(given))).toEqual(wanted);
  });
});

describe('a halt that is not found', () => {
  it.each([
    ['was lifted', { issued: NOW - 60_000 }, true],
    ['was signed just now', { issued: NOW - 59_000 }, false],
    ['was signed just now by a clock that is ahead', { issued: NOW + 59_000 }, false],
    ['has ended', { expires: NOW }, false],
    ['was lifted before', { lifted: NOW - 1 }, false],
  ])('%s', (_name, halt, isLifted) => {
    const own = [ours(null, halt)];

    expect(findLifted(facts({ own }))).toEqual(isLifted ? own[0] : null);
  });
});
