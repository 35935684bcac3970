// Server-sent events: what is framed is read again, however the stream is cut on its way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, frameEvent, framePlace, LONGEST_FRAME } from '../../../shared/protocol/events.ts';

const read = (pieces: readonly string[]) => {
  const reader = createFrameReader();
  return pieces.flatMap((piece) => reader(piece) ?? []);
};

describe('a stream of events', () => {
  it('is read as it was written, wherever it is cut and whatever ends its lines', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: fc.nat(), text: fc.string({ unit: 'binary' }) }), { maxLength: 5 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 20 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        (events, cuts, end) => {
          // After the last one of lone carriage returns nobody can say yet that it is whole.
          const text = `${events.map(frameEvent).join('').replaceAll('\n', end)}: ${end}`;
          const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
          const pieces = places.map((from, i) => text.slice(from, places[i + 1] ?? text.length));

          expect(read(pieces)).toEqual(
            events.map((event) => ({ id: String(event.id), data: JSON.stringify(event) })),
          );
        },
      ),
    );
  });

  it('moves a reader’s place on without telling anything', () => {
    expect(read([framePlace(7)])).toEqual([{ id: '7', data: null }]);
  });

  it('without an end is given up', () => {
    const reader = createFrameReader();

    expect(reader('x'.repeat(LONGEST_FRAME))).toEqual([]);
    expect(reader('x')).toBeUndefined();
  });
});
