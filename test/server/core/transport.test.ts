// Whom an address counts for: itself in IPv4, its network of 64 bits in IPv6, however it is written.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neighbourhoodOf } from '../../../server/core/transport.ts';

describe('an address counts for', () => {
  it.each([
    ['itself, in IPv4', '192.0.2.7', '192.0.2.7'],
    ['the IPv4 address that it stands for', '::ffff:192.0.2.7', '192.0.2.7'],
    ['the same in capitals', '::FFFF:192.0.2.7', '192.0.2.7'],
    ['its network, in IPv6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['its network, with zeros left out', '2001:db8::6', '2001:db8:0:0::/64'],
    ['its network, with zeros written', '2001:0DB8:0000:0000:0:0:0:6', '2001:db8:0:0::/64'],
    ['its network, with zeros at the end', '2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['its network, on a link', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['its network, with zeros at the beginning', '::1', '0:0:0:0::/64'],
    ['its network, where an IPv4 address ends it', '64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['itself, where it is none', 'unknown', 'unknown'],
  ])('%s: %s', (_what, address, expected) => {
    expect(neighbourhoodOf(address)).toBe(expected);
  });

  it('the same as every other of its network, and another than one of another network', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const half = fc.array(group, { minLength: 4, maxLength: 4 });
    const write = (groups: readonly number[]) => groups.map((one) => one.toString(16)).join(':');
    fc.assert(
      fc.property(half, half, half, (network, one, other) => {
        const from = (rest: readonly number[]) => neighbourhoodOf(write([...network, ...rest]));
        expect(from(one)).toBe(from(other));
        expect(from(one)).toBe(`${write(network)}::/64`);
      }),
    );
  });
});
