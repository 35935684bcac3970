// What is learnt of two builds of a program: after which bytes addresses stand that follow what they name.
import { expect, it } from 'vitest';
import { learnRegions } from '../../../../server/vendor/workspace/address-rules.ts';
import { FROM_HERE } from '../../../../shared/tree/moved-addresses.ts';

const BYTES = 8192;
const MIDDLE = 4096;
const MOVED_BYTES = 16;

it('has a rule for what gains more by it than it would spoil', () => {
  const old = Buffer.alloc(BYTES);
  const next = Buffer.alloc(BYTES + MOVED_BYTES);
  let place = 512;
  /** Instructions that end in such a byte, and name what stands in the second half, which moved; some go on saying what they said. */
  const write = (last: number, following: number, staying: number) => {
    for (let i = 0; i < following + staying; i++, place += 16) {
      const distance = MIDDLE + 100 - place - 4;
      for (const bytes of [old, next]) bytes.set([0x90, last], place - 2);
      old.writeInt32LE(distance, place);
      next.writeInt32LE(i < following ? distance + MOVED_BYTES : distance, place);
    }
  };
  write(0xe8, 8, 0);
  write(0xe9, 6, 7);
  write(0xea, 6, 3);
  write(0xeb, 9, 4);
  write(0xec, 3, 0);

  const runs = {
    at: Uint32Array.of(0, MIDDLE + MOVED_BYTES),
    source: Uint32Array.of(0, MIDDLE),
    copied: Uint32Array.of(MIDDLE, MIDDLE),
  };
  const segments = [{ address: 0, place: 0, length: BYTES }];
  // What is learnt of one is no rule of the next, where the same bytes stand and nothing moved.
  const sections = [
    { name: '.text', kind: 'code', start: 0, length: MIDDLE },
    { name: '.fini', kind: 'code', start: MIDDLE, length: BYTES - MIDDLE },
  ] as const;
  const moved = [{ address: 0, place: 0, length: BYTES + MOVED_BYTES }];
  const addresses = { old: segments, next: moved, regions: [] };

  const regions = learnRegions(old, next, { segments, sections }, runs, addresses);

  const rules = [
    [0x90e8, FROM_HERE],
    [0x90eb, FROM_HERE],
  ];
  expect(regions).toEqual([{ start: 0, length: MIDDLE, cycle: 0, rules }]);
});
