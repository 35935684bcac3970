// What is being fetched, for people: its name, its pace, and that it stalls.
import { describe, expect, it } from 'vitest';
import { describePace, describeTransfer } from '../../../shared/present/pace.ts';

describe('what is being fetched', () => {
  const transfer = {
    ...({ what: 'core/auth 1.0.1', way: 'patch', bytes: 12_000, total: 40_000 } as const),
    ...{ bytesPerSecond: 4_000, leftMs: 7_000, stalledMs: 0 },
  };

  it('is told by its name, its way and its pace', () => {
    expect(describeTransfer(transfer)).toBe(
      'fetching core/auth 1.0.1, as a patch: 12.0 kB of 40.0 kB, 4.0 kB/s, 7s left',
    );
  });

  it('is being unpacked once all of it is here', () => {
    expect(describeTransfer({ ...transfer, bytes: 40_000 })).toBe(
      'unpacking core/auth 1.0.1: all 40.0 kB are here',
    );
  });

  it('moves no terminal, and takes a server at its word for no size', () => {
    const text = describeTransfer({ ...transfer, what: 'core/\u001b[2J', total: null, leftMs: null });

    expect(text).toBe('fetching core/\ufffd[2J, as a patch: 12.0 kB, 4.0 kB/s');
  });

  it('says that it stalls, and for how long', () => {
    const stalled = { bytesPerSecond: 0, leftMs: null, stalledMs: 7_000 };

    expect(describePace(1_000, 5_000, stalled)).toBe('1.0 kB of 5.0 kB, STALLED for 7s');
  });
});
