// Streams of events: what each reader is told, from where, how often, and when no more.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createEventStreams,
  type EventSource,
  type EventStreams,
  type Reader,
} from '../../../server/hub/event-streams.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { ALIVE_MS, createFrameReader, type Framed, MOST_STREAMS } from '../../../shared/protocol/events.ts';
import { rejectionOf } from '../../support/error-code.ts';

const AT = '2026-11-20T12:00:00.000Z';
const AWAY = new FairleadError('server/database-away', { database: 'db/x', seconds: 5 });

/** A database of numbers, two at once. */
class Numbers implements EventSource<object> {
  oldest = 0;
  newest = 0;
  clock = 0;
  reads = 0;
  isAway = false;

  async settle() {
    if (this.isAway) throw AWAY;
    return { oldest: this.oldest, newest: this.newest };
  }
  async read({ after, upTo }: { readonly after: number; readonly upTo: number }) {
    if (this.isAway) throw AWAY;
    this.reads += 1;
    const ids = [after + 1, after + 2].filter((id) => id <= upTo);
    const of = { at: AT, kind: 'publication.accepted', instance: null, text: 'x', details: {} };
    return { events: ids.map((id) => ({ id, ...of })), reached: ids.at(-1) ?? upTo };
  }
  now() {
    return this.clock;
  }
  instant() {
    return AT;
  }
}

let source: Numbers;
let streams: EventStreams<object>;
let gone: AbortController;
let letIn: boolean;

beforeEach(() => {
  source = new Numbers();
  streams = createEventStreams(source);
  gone = new AbortController();
  letIn = true;
});
afterEach(() => {
  gone.abort();
  streams.stop();
});

async function open(of: Partial<Reader<object>> = {}) {
  const stream = await streams.open({
    ...{
      holder: 'ada',
      filter: {},
      after: null,
      follows: true,
      isLetIn: async () => letIn,
      gone: gone.signal,
    },
    ...of,
  });
  const read = createFrameReader();
  await stream.next();
  return {
    stream,
    /** What comes next; null at the end. */
    next: async (): Promise<readonly (readonly [Framed['id'], string | null])[] | null> => {
      const { done, value } = await stream.next();
      if (done === true) return null;
      return (read(value) ?? []).map(({ id, data }) => [id, data === null ? null : JSON.parse(data).kind]);
    },
  };
}

const KIND = 'publication.accepted';

/** One more event, and a look. */
async function happens(count = 1): Promise<void> {
  source.oldest ||= 1;
  source.newest += count;
  await streams.look();
}

describe('a reader', () => {
  it('that follows is told what is new, each once', async () => {
    await happens(5);
    const { next } = await open();
    const first = next();
    await happens();
    const second = [await first, next()] as const;
    await happens(2);

    expect([second[0], await second[1]]).toEqual([
      [['6', KIND]],
      [
        ['7', KIND],
        ['8', KIND],
      ],
    ]);
  });

  it('that comes back is told what it missed, in parts, and then what is new', async () => {
    await happens(5);
    const { next } = await open({ after: 1 });

    const missed = [await next(), await next()];
    const later = next();
    await happens();

    expect([...missed, await later].flatMap((part) => part?.map(([id]) => id))).toEqual([
      '2',
      '3',
      '4',
      '5',
      '6',
    ]);
  });

  it('that does not follow has the end with the last one', async () => {
    await happens(3);
    const { next } = await open({ follows: false });

    expect([(await next())?.length, (await next())?.length, await next()]).toEqual([2, 1, null]);
  });

  it.each([
    ['what it missed is no longer kept', 2, 10, 20, '9'],
    ['the database is of an earlier day', 90, 10, 20, '20'],
  ])('is told that something is lost where %s', async (_where, after, oldest, newest, place) => {
    Object.assign(source, { oldest, newest });
    const { next } = await open({ after });

    expect(await next()).toEqual([[place, 'gap']]);
  });

  it('is told its place now and then, and nothing else, where nothing happens', async () => {
    await happens(4);
    const { next } = await open();
    source.clock += ALIVE_MS;

    expect(await next()).toEqual([['4', null]]);
  });

  it('that is let in no more is told nothing from then on', async () => {
    const { next } = await open();
    letIn = false;
    const last = next();
    await happens();

    expect(await last).toBeNull();
  });

  it('stays where the database is away, and is told the rest afterwards', async () => {
    await happens(1);
    const { next } = await open({ after: 0 });
    source.isAway = true;
    await expect(streams.look()).rejects.toBe(AWAY);
    source.clock += ALIVE_MS;
    const alive = await next();
    source.isAway = false;
    const rest = next();
    await happens();

    expect(alive).toEqual([['0', null]]);
    expect(await rest).toEqual([
      ['1', KIND],
      ['2', KIND],
    ]);
  });

  it('has no end of its own making: one that has gone, and a server that ends, end it', async () => {
    const [one, other] = [await open(), await open({ gone: new AbortController().signal })];
    const ends = [one.next(), other.next()];
    gone.abort();
    const first = await ends[0];
    const left = streams.count();
    streams.stop();

    expect([first, left, await ends[1]]).toEqual([null, 1, null]);
  });
});

describe('many readers', () => {
  it('at one place cost one look', async () => {
    const readers = await Promise.all(Array.from({ length: 20 }, (_, i) => open({ holder: String(i) })));
    const all = readers.map(({ next }) => next());
    await happens();

    expect(new Set((await Promise.all(all)).map((part) => JSON.stringify(part))).size).toBe(1);
    expect(source.reads).toBe(1);
  });

  it('of one process have an end, and those that have gone count no more', async () => {
    for (let i = 0; i < MOST_STREAMS; i++) await open({ holder: String(i) });
    const refused = await rejectionOf(open({ holder: 'one more' }));
    gone.abort();

    expect([refused.code, streams.count()]).toEqual(['server/busy', 0]);
  });
});
