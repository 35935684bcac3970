// Instants for people, wherever their terminal stands.
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { formatBoth, localZone } from '../../../shared/present/windows.ts';

describe('localZone', () => {
  it.each([
    ['a zone', 'Europe/Berlin', 'Europe/Berlin'],
    ['none', undefined, 'UTC'],
    ['an empty one', '', 'UTC'],
    ['what Node says where the machine knows none', 'Etc/Unknown', 'UTC'],
    ['a zone that nobody knows', 'Middle/Earth', 'UTC'],
  ])('takes %s', (_what, zone, expected) => {
    expect(localZone(zone)).toBe(expected);
    expect(formatBoth(instantMs('2026-03-07T01:00:00Z'), localZone(zone))).toContain(`00 ${expected} (`);
  });
});
