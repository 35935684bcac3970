// Metadata made to cost memory: however it is built, sixteen mebibytes of it take no more than a few times as much.
import { expect, it } from 'vitest';
import { measureHostileMetadata, READ_SHAPES } from '../../bench/hostile.ts';

it.each(READ_SHAPES)(
  'sixteen mebibytes of %s take at most eight times as much',
  { timeout: 120_000 },
  (shape) => {
    const { outcome, timesItsBytes } = measureHostileMetadata(shape, 16);

    expect(outcome).toBe('trust/threshold');
    expect(timesItsBytes).toBeLessThanOrEqual(8);
  },
);
