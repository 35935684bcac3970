// Disks that fill: from where on somebody hears of it.
import { expect, it } from 'vitest';
import { rateRoom } from '../../../server/core/disk-room.ts';

const GIB = 2 ** 30;

it.each([
  ['a tenth of a small one', 10, 100, null],
  ['less than a tenth', 9.9, 100, 'low'],
  ['less than a fiftieth', 0.9, 50, 'critical'],
  ['ten of a large one', 10, 4_000, null],
  ['less than ten of a large one', 9.9, 4_000, 'low'],
  ['less than one of a large one', 0.9, 4_000, 'critical'],
  ['nothing', 0, 1, 'critical'],
] as const)('%s is free', (_what, free, size, level) => {
  expect(rateRoom({ disk: 'directory', free: free * GIB, size: size * GIB })).toBe(level);
});
