// Streams of events: people and programs that read along, each at its own pace, all from one look a second at what is new.
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { aborted } from '../../shared/node/turns.ts';
import {
  ALIVE_MS,
  type FleetEvent,
  frameEvent,
  framePlace,
  GAP,
  MOST_STREAMS,
  MOST_STREAMS_OF_ONE,
  RETRY_MS,
} from '../../shared/protocol/events.ts';

/** What is read from; see db/events.ts. */
export interface EventSource<Filter> {
  /** Null while nobody can tell yet what is new since `settled`. */
  settle(settled: number): Promise<{ readonly oldest: number; readonly newest: number } | null>;
  read(
    ask: Filter & { readonly after: number; readonly upTo: number },
  ): Promise<{ readonly events: readonly FleetEvent[]; readonly reached: number }>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** The time, as events have it. */
  instant(): string;
}

export interface Reader<Filter> {
  /** The credential: each has so many streams and no more. */
  readonly holder: string;
  readonly filter: Filter;
  /** Where it was; null begins with what is new, where it follows, and else with the oldest there is. */
  readonly after: number | null;
  /** Whether it waits for more, once it has all there is. */
  readonly follows: boolean;
  /** Asked before anything is told. Errors: server/*, where nobody can say now. */
  isLetIn(): Promise<boolean>;
  /** The reader has gone: what is reserved for it is free again. */
  readonly gone: AbortSignal;
}

export interface EventStreams<Filter> {
  /** Text to be sent as it comes; the caller reads on when it was sent. Errors: request/rate-limited, server/busy, server/database-away. */
  open(reader: Reader<Filter>): Promise<AsyncGenerator<string>>;
  /** Looks for what is new now. */
  look(): Promise<void>;
  count(): number;
  /** Ends them all: who reads comes back to the next process. */
  stop(): void;
}

const LOOK_MS = 1_000;
const RETRY_SECONDS = 30;
/** Those who read at one place read it once; who catches up reads alone. */
const MOST_PARTS = 8;

export function createEventStreams<Filter extends object>(source: EventSource<Filter>): EventStreams<Filter> {
  const stopping = new AbortController();
  const news = createNews(source);
  const seats = createSeats(() => news.look());

  /** Null where it cannot be told now: what is missing is told later, and the connection stands. */
  async function next(reader: Reader<Filter>, place: number, upTo: number) {
    try {
      if (!(await reader.isLetIn())) return 'out';
      return place < upTo ? await news.read(reader.filter, place) : null;
    } catch (error) {
      if (isFairleadError(error)) return null;
      throw error;
    }
  }

  async function* tell(reader: Reader<Filter>): AsyncGenerator<string> {
    const over = AbortSignal.any([reader.gone, stopping.signal]);
    const ended = aborted(over);
    let told = source.now();
    yield `retry: ${RETRY_MS}\n\n`;
    const { oldest, newest } = news.bounds();
    let place = reader.after ?? (reader.follows ? newest : Math.max(0, oldest - 1));
    // Forgotten by now, or of a database that was put back to an earlier day.
    if (place > newest || place < oldest - 1) {
      place = Math.min(Math.max(place, oldest - 1), newest);
      yield frameEvent({ ...LOST, id: place, at: source.instant() });
    }
    while (!over.aborted) {
      const upTo = news.bounds().newest;
      const isDue = source.now() - told >= ALIVE_MS;
      const part = place < upTo || isDue ? await next(reader, place, upTo) : null;
      if (part === 'out') return;
      place = part?.reached ?? place;
      const text = (part?.events ?? []).map((event) => frameEvent({ ...event })).join('');
      if (text !== '' || isDue) {
        yield text === '' ? framePlace(place) : text;
        told = source.now();
      }
      if (part !== null && place < upTo) continue;
      if (!reader.follows) return;
      await Promise.race([news.next(), ended]);
    }
  }

  return {
    open: async (reader) => {
      seats.take(reader);
      await news.look();
      return tell(reader);
    },
    look: news.look,
    count: seats.count,
    stop: () => {
      seats.stop();
      stopping.abort();
    },
  };
}

const LOST: Omit<FleetEvent, 'id' | 'at'> = {
  ...{ kind: GAP, instance: null, details: {} },
  text: 'events before this one are not kept any more: read the lists anew',
};

/** What there is, looked for once for all. */
function createNews<Filter extends object>(source: EventSource<Filter>) {
  let bounds = { oldest: 0, newest: 0 };
  let looking: Promise<void> | null = null;
  let told = Promise.withResolvers<void>();
  const parts = new Map<string, ReturnType<typeof source.read>>();
  let last: Promise<unknown> = Promise.resolve();

  async function settle(): Promise<void> {
    try {
      bounds = (await source.settle(bounds.newest)) ?? bounds;
    } finally {
      looking = null;
      told.resolve();
      told = Promise.withResolvers();
    }
  }

  return {
    bounds: () => bounds,
    /** After the next look. */
    next: () => told.promise,
    look: () => {
      looking ??= settle();
      return looking;
    },
    /** One after the other, however many ask: reading along takes no more of the database than one who reads. */
    read: (filter: Filter, after: number) => {
      const ask = { ...filter, after, upTo: bounds.newest };
      const key = JSON.stringify(ask);
      const part = parts.get(key) ?? last.then(() => source.read(ask));
      last = part.catch(() => parts.delete(key));
      parts.set(key, part);
      for (const [old] of parts) if (parts.size > MOST_PARTS) parts.delete(old);
      return part;
    },
  };
}

/** Who reads along, and that somebody looks for news as long as there is one. */
function createSeats(look: () => Promise<void>) {
  const held = new Map<string, number>();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;

  function free(holder: string): void {
    const left = (held.get(holder) ?? 1) - 1;
    if (left === 0) held.delete(holder);
    else held.set(holder, left);
    count -= 1;
    if (count === 0) stop();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    count: () => count,
    stop,
    take: ({ holder, gone }: Pick<Reader<object>, 'holder' | 'gone'>) => {
      const own = held.get(holder) ?? 0;
      if (own >= MOST_STREAMS_OF_ONE) {
        throw new FairleadError('request/rate-limited', { seconds: RETRY_SECONDS });
      }
      if (count >= MOST_STREAMS) throw new FairleadError('server/busy', { seconds: RETRY_SECONDS });
      held.set(holder, own + 1);
      count += 1;
      // What cannot be looked at now is looked at again.
      timer ??= setInterval(() => void look().catch(() => undefined), LOOK_MS).unref();
      if (gone.aborted) free(holder);
      else gone.addEventListener('abort', () => free(holder), { once: true });
    },
  };
}
