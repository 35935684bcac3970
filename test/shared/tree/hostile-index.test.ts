// Indexes made to cost time: whatever an attacker writes into a megabyte, no slice of reading it takes long, and the whole is linear.
import { describe, expect, it } from 'vitest';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { codeOf } from '../../support/error-code.ts';
import {
  cpuMs,
  HOSTILE_INDEXES,
  link,
  MIB,
  measureSlices,
  name,
  wind,
} from '../../support/hostile-indexes.ts';

/** On an idle machine 5. */
const LONGEST_SLICE_MS = 50;

describe('an index of a megabyte with', () => {
  it.each(HOSTILE_INDEXES)('%s is read or refused in short slices', (_name, bytes) => {
    const { longest, slices } = measureSlices(bytes);

    expect(longest).toBeLessThan(LONGEST_SLICE_MS);
    expect(slices).toBeGreaterThan(8);
  });

  it.each(HOSTILE_INDEXES)('%s costs less than a second of processor time', (_name, bytes) => {
    expect(bytes.length).toBeGreaterThan(MIB / 2);
    // Generous: 144 kB of the first shape once took an agent 108 seconds.
    expect(measureSlices(bytes).total).toBeLessThan(1_000);
  });
});

it('refuses links of more text than any tree needs', () => {
  const entries = Array.from({ length: 4_500 }, (_, i) => link(name(i), 'x/'.repeat(500)));

  expect(codeOf(() => createTreeIndex(entries))).toBe('tree/too-large');
});

it('follows a link once, however many lead through it', () => {
  const chain = Array.from({ length: 40 }, (_, i) => link(`l${name(i)}`, wind(i)));
  const start = cpuMs();

  codeOf(() =>
    createTreeIndex([
      ...chain,
      ...Array.from({ length: 1_000 }, (_, i) => link(`m${name(i)}`, `l${name(20)}`)),
    ]),
  );

  expect(cpuMs() - start).toBeLessThan(1_000);
});
