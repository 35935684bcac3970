// What goes into the next report: everything once, whatever is interrupted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_OUTBOX, markDelivered, nextBatch, selectUndelivered } from '../../../agent/core/outbox.ts';
import { recordOf } from '../../support/deployments.ts';

describe('what the server has not heard', () => {
  it('is everything at first', () => {
    const records = [recordOf(1, ['planned', 'committed']), recordOf(2, ['planned'])];

    expect(selectUndelivered(EMPTY_OUTBOX, records)).toEqual(records);
  });

  it('is nothing once everything was delivered', () => {
    const records = [recordOf(1, ['planned', 'committed']), recordOf(2, ['planned'])];

    expect(selectUndelivered(markDelivered(EMPTY_OUTBOX, records), records)).toEqual([]);
  });

  it('is the newest record again when it has gone on', () => {
    const state = markDelivered(EMPTY_OUTBOX, [recordOf(1, ['planned'])]);
    const later = recordOf(1, ['planned', 'fetching']);

    expect(selectUndelivered(state, [later])).toEqual([later]);
  });

  it('is delivered in batches a report can hold, oldest first, each record at least once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 350 }), (count) => {
        const records = Array.from({ length: count }, (_, index) => recordOf(index + 1, ['committed']));
        const delivered: number[] = [];
        let state = EMPTY_OUTBOX;
        for (let rounds = 0; rounds < 10; rounds++) {
          const batch = nextBatch(state, records);
          expect(batch.length).toBeLessThanOrEqual(100);
          delivered.push(...batch.map((record) => record.id));
          state = markDelivered(state, batch);
        }
        expect(delivered).toEqual(records.map((record) => record.id));
      }),
      { numRuns: 20 },
    );
  });
});
