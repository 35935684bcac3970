// The list of proposals an install keeps: what is taken in, what is forgotten, which answers are owed.
import { describe, expect, it } from 'vitest';
import {
  expiresAt,
  findEntry,
  markHeard,
  NO_PROPOSALS,
  type ProposalsFile,
  proposalsFile,
  selectOwed,
  selectWaiting,
  takeIn,
  withAnswer,
} from '../../../agent/core/proposals.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { MOST_OPEN, type Proposal, proposal } from '../../../shared/schema/proposal.ts';

const NOW = instantMs('2026-03-01T10:00:00Z');
const DAY_MS = 86_400_000;

function offered(n: number, more: Partial<Proposal> = {}): Proposal {
  return proposal.parse({
    ...{
      id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      revision: 1,
      wish: { kind: 'rollback' },
    },
    ...{ reason: 'r', by: 'b', proposed: '2026-03-01T00:00:00Z', expires: '2026-03-31T00:00:00Z' },
    ...more,
  });
}

function withAll(
  proposals: readonly Proposal[],
  now = NOW,
  from: ProposalsFile = NO_PROPOSALS,
): ProposalsFile {
  return proposals.reduce((file, one) => takeIn(file, one, now).file, from);
}

/** Every entry answered for good, and heard or not. */
function closed(file: ProposalsFile, isHeard: boolean): ProposalsFile {
  const entries = file.entries.map((one) => ({
    ...withAnswer(one, 'refused', { text: 'no', by: 'alice' }, NOW),
    owed: !isHeard,
  }));
  return { ...file, entries };
}

describe('taking in', () => {
  it('gives numbers that are never given again, however much is forgotten', () => {
    let file = NO_PROPOSALS;
    for (let day = 0; day < 10; day++) {
      const some = Array.from({ length: 90 }, (_, i) => offered(day * 100 + i));
      file = closed(withAll(some, NOW + day * DAY_MS, file), true);
    }
    const numbers = file.entries.map(({ number }) => number);

    expect(file.next).toBe(901);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(file.entries.length).toBeLessThanOrEqual(200 + 90);
  });

  it('stops at a hundred that are open, and at two hundred a day', () => {
    const open = withAll(Array.from({ length: 150 }, (_, i) => offered(i)));
    expect(open.entries).toHaveLength(MOST_OPEN);
    expect(takeIn(open, offered(999), NOW)).toMatchObject({ entry: null, isFull: true });

    let file = open;
    file = closed(file, true);
    file = closed(
      withAll(
        Array.from({ length: 150 }, (_, i) => offered(1000 + i)),
        NOW,
        file,
      ),
      true,
    );
    expect(file.taken).toEqual({ day: '2026-03-01', count: 200 });
    expect(takeIn(file, offered(9999), NOW).isFull).toBe(true);
    expect(takeIn(file, offered(9999), NOW + DAY_MS).isFull).toBe(false);
  });

  it('owes no server more than four hundred answers', () => {
    let file = NO_PROPOSALS;
    for (let day = 0; day < 10; day++) {
      const some = Array.from({ length: 90 }, (_, i) => offered(day * 100 + i));
      file = closed(withAll(some, NOW + day * DAY_MS, file), false);
    }

    expect(selectOwed(file, 10_000).length).toBeLessThanOrEqual(400 + 90);
  });

  it('writes nothing anew for what it knows already', () => {
    const file = withAll([offered(1)]);

    expect(takeIn(file, offered(1), NOW).file).toBe(file);
  });

  it('takes an earlier revision for nothing, and a later one for another', () => {
    const file = withAll([offered(1, { revision: 3 })]);

    expect(takeIn(file, offered(1, { revision: 2 }), NOW).file).toBe(file);
    expect(takeIn(file, offered(1, { revision: 4 }), NOW).file.entries.map(({ state }) => state)).toEqual([
      'superseded',
      'waiting',
    ]);
  });

  it('leaves alone what is being done while another revision comes', () => {
    const file = withAll([offered(1)]);
    const acting = { ...file, entries: file.entries.map((one) => ({ ...one, state: 'acting' as const })) };

    expect(takeIn(acting, offered(1, { revision: 2 }), NOW).file.entries[0]?.state).toBe('acting');
  });

  it('can be read again', () => {
    const file = closed(withAll([offered(1), offered(2)]), false);

    expect(proposalsFile.parse(JSON.parse(JSON.stringify(file)))).toEqual(file);
  });
});

describe('an answer', () => {
  it('is owed until it was heard, and another one after it is owed again', () => {
    const [one] = withAll([offered(1)]).entries;
    if (one === undefined) throw new Error('it was taken in');
    const file = { ...NO_PROPOSALS, entries: [withAnswer(one, 'waiting', { text: 'w', by: 'agent' }, NOW)] };
    const sent = selectOwed(file, 10);

    expect(sent).toMatchObject([
      { revision: 1, answer: 'queued', text: 'w', by: 'agent', change: null, code: null },
    ]);
    expect(selectOwed(markHeard(file, sent), 10)).toEqual([]);
    const meanwhile = { ...file, entries: [withAnswer(one, 'refused', { text: 'no', by: 'alice' }, NOW)] };
    expect(selectOwed(markHeard(meanwhile, sent), 10)).toMatchObject([{ answer: 'refused' }]);
  });
});

describe('a proposal', () => {
  it('ends after ninety days whatever the server says', () => {
    const [one] = withAll([offered(1, { expires: '9999-01-01T00:00:00Z' })]).entries;

    expect(one === undefined ? 0 : expiresAt(one)).toBe(NOW + 90 * DAY_MS);
  });

  it('is found by its number', () => {
    const file = withAll([offered(1), offered(2)]);

    expect(findEntry(file, 2).proposal.id).toBe(offered(2).id);
    expect(() => findEntry(file, 3)).toThrow(expect.objectContaining({ code: 'proposal/not-found' }));
    expect(selectWaiting(file)).toEqual([
      { number: 1, kind: 'rollback' },
      { number: 2, kind: 'rollback' },
    ]);
  });
});
