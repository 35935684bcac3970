// Pins: which versions each allows, whose word decides a component, and from when one holds no more.
import { describe, expect, it } from 'vitest';
import {
  createPinSet,
  formatPin,
  isBeyond,
  isExpired,
  leadsAbove,
  pinnedComponent,
  selectPinned,
  sortPins,
} from '../../../shared/compile/pins.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { type Pin, pin } from '../../../shared/schema/pin.ts';
import { parseVersion, type Version } from '../../../shared/version/version.ts';

const pinOf = (component: string, version: string, more: object = {}): Pin =>
  pin.parse({
    level: component === 'platform' ? 'platform' : component.includes('/') ? 'capability' : 'suite',
    ...(component === 'platform' ? {} : { name: component }),
    version,
    owner: 'ada',
    reason: 'audit',
    ...more,
  });
const versions = (...all: string[]): Version[] => all.map(parseVersion);
const RELEASED = versions('2.1.0', '2.0.1', '2.0.0', '1.9.0', '1.0.0');

describe('a pin', () => {
  it.each([
    ['2.0.0', ['2.0.0']],
    ['~2.0', ['2.0.1', '2.0.0']],
    ['<2', ['1.9.0', '1.0.0']],
    ['latest-1', ['2.0.1', '2.0.0']],
    ['latest-2', ['1.9.0']],
    ['latest-3', ['1.0.0']],
    ['latest-4', []],
  ])('at %s allows %j', (version, allowed) => {
    expect(selectPinned(pinOf('core', version), RELEASED)).toEqual(allowed);
  });

  it.each<[string, string, [below: boolean, beyond: boolean]]>([
    ['2.0.0', '1.9.0', [true, false]],
    ['2.0.0', '2.0.0', [false, false]],
    ['2.0.0', '2.0.1', [false, true]],
    ['~2.0', '2.0.1', [false, false]],
    ['latest-1', '1.9.0', [true, false]],
    // Between two that it wants: the way up goes on, and it is not beyond either.
    ['latest-1', '2.0.0', [true, false]],
    ['latest-1', '2.0.1', [false, false]],
    ['latest-1', '2.1.0', [false, true]],
  ])('at %s has %s below and beyond it: %j', (wanted, version, told) => {
    const one = pinOf('core', wanted);

    expect([
      leadsAbove(one, parseVersion(version), RELEASED),
      isBeyond(one, parseVersion(version), RELEASED),
    ]).toEqual(told);
  });

  it('holds until the instant in which it expires, or for ever', () => {
    const now = instantMs('2026-03-02T12:00:00Z');
    const expired = ['2026-03-02T11:59:59Z', '2026-03-02T12:00:00Z', '2026-03-02T12:00:01Z'].map((expires) =>
      isExpired(pinOf('core', '1.x', { expires }), now),
    );

    expect([...expired, isExpired(pinOf('core', '1.x'), now)]).toEqual([true, true, false, false]);
  });

  it.each(['platform', 'core', 'core/auth'])('of %s is about it', (component) => {
    expect(pinnedComponent(pinOf(component, '1.x'))).toBe(component);
    expect(formatPin(pinOf(component, '1.x'))).toBe(`${component} at 1.x`);
  });
});

describe('pins together', () => {
  const [platform, core, auth, again] = [
    pinOf('platform', '1.x'),
    pinOf('core', '1.x'),
    pinOf('core/auth', '1.x'),
    pinOf('core/auth', '>=1.2'),
  ] as const;

  it.each<[string, readonly Pin[], readonly [string | null, string | null, string | null]]>([
    ['none', [], [null, null, null]],
    ['one on the platform', [platform], ['pin:platform', 'pin:platform', 'pin:platform']],
    ['one on the suite', [core], [null, 'pin:suite', 'pin:suite']],
    ['one on the capability', [auth], [null, null, 'pin:capability']],
    ['one on each', [auth, core, platform], ['pin:platform', 'pin:suite', 'pin:capability']],
    ['one on another suite', [pinOf('app', '1.x')], [null, null, null]],
    ['one on a neighbour', [pinOf('core/api', '1.x')], [null, null, null]],
  ])('govern by the nearest level: %s', (_what, pins, governing) => {
    const set = createPinSet(pins);

    expect(['platform', 'core', 'core/auth'].map((component) => set.governing(component))).toEqual(governing);
  });

  it('all count on their component, and on no other', () => {
    const set = createPinSet([again, core, auth]);

    expect(set.on('core/auth')).toEqual([auth, again]);
    expect(set.on('core')).toEqual([core]);
    expect(set.on('platform')).toEqual([]);
  });

  it('stand by component and then by version, however they were written', () => {
    for (const order of [
      [platform, again, core, auth],
      [auth, core, again, platform],
    ]) {
      expect(sortPins(order)).toEqual([core, auth, again, platform]);
      expect(createPinSet(order).active).toEqual([core, auth, again, platform]);
    }
    const twins = [pinOf('core', '1.x', { owner: 'bob' }), pinOf('core', '1.x')];
    expect(sortPins(twins)).toEqual(sortPins(twins.toReversed()));
  });
});
