// One question to the server after the other: what is read from the disk, when the next is due, and how each is told to have gone.
import { describe, expect, it } from 'vitest';
import { LONGEST_WAIT_MS } from '../../../../agent/core/pauses.ts';
import { createServerContact } from '../../../../agent/engine/agent/server-contact.ts';
import { EMPTY_CATALOG } from '../../../../shared/compile/releases.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const AT = '2026-03-01T10:00:00Z';
const ONE = { ...EMPTY_CATALOG, releases: [releaseOf('1.0.0')] };
const TWO = { ...EMPTY_CATALOG, releases: [releaseOf('2.0.0')] };

function asking() {
  const clock = createFakeClock();
  const said: object[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void said.push({ level, message, ...fields });
  const server = {
    refreshes: [] as number[],
    answer: 'changed' as 'changed' | 'unchanged',
    fails: null as unknown,
    arrives: Promise.resolve() as Promise<void>,
    catalog: ONE as typeof EMPTY_CATALOG | Error,
    reads: 0,
  };
  const contact = createServerContact({
    clock,
    intervalMs: POLL_MS,
    chance: () => 0.5,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    repository: {
      async refresh(now) {
        server.refreshes.push(now);
        await server.arrives;
        if (server.fails !== null) throw server.fails;
        return server.answer;
      },
      async catalog() {
        server.reads += 1;
        if (server.catalog instanceof Error) throw server.catalog;
        return server.catalog;
      },
      mirror: () => null,
      root: () => null,
      freshness: () => ({ state: 'never', expires: null }),
    },
  });
  return { clock, contact, server, said };
}

describe('a question', () => {
  it('that has not ended says how long it lasts, whatever the clock on the wall says', async () => {
    const { clock, contact, server } = asking();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.arrives = promise;
    await clock.advance(5_000);
    expect(contact.askingMs()).toBeNull();

    const asked = contact.ask();
    await clock.advance(60_000);
    void contact.ask();
    expect(contact.askingMs()).toBe(60_000);
    resolve();
    await asked;

    expect(contact.askingMs()).toBeNull();
  });
});

describe('what the disk holds', () => {
  it('is read before anybody is asked, and once', async () => {
    const { contact, server } = asking();
    expect([contact.catalog(), contact.last(), contact.dueAt()]).toEqual([EMPTY_CATALOG, null, 0]);

    await contact.open();
    await contact.open();

    expect([contact.catalog(), server.reads, server.refreshes]).toEqual([ONE, 1, []]);
  });

  it('that cannot be read is said, stops nothing, and is read at the next look', async () => {
    const { contact, server, said } = asking();
    const err = new Error('damaged');
    server.catalog = err;

    await contact.open();
    expect(said).toEqual([{ level: 'warn', message: 'what the vendor has signed cannot be read', err }]);
    server.catalog = ONE;
    await contact.open();

    expect(contact.catalog()).toBe(ONE);
  });

  it.each([
    ['changed', null, true],
    ['unchanged', null, false],
    ['changed', new FairleadError('transport/unreachable', { url: 'x', problem: 'gone' }), true],
  ] as const)('is read again or not after %s %s', async (answer, fails, again) => {
    const { contact, server } = asking();
    await contact.open();
    server.catalog = TWO;
    Object.assign(server, { answer, fails });

    await contact.ask();

    expect(contact.catalog()).toBe(again ? TWO : ONE);
  });

  it('is read at the first answer where it never was, though nothing changed', async () => {
    const { contact, server } = asking();
    server.answer = 'unchanged';

    await contact.ask();

    expect(contact.catalog()).toBe(ONE);
  });

  it('that cannot be read after an answer is a question that failed', async () => {
    const { contact, server } = asking();
    await contact.open();
    server.catalog = new FairleadError('disk/failed', { path: 'documents', problem: 'EIO' });

    await contact.ask();

    expect(contact.last()).toMatchObject({ outcome: 'failed', failure: { code: 'disk/failed' } });
    expect(contact.catalog()).toBe(ONE);
  });
});

describe('a question', () => {
  it('that is answered is told with its moment, what it brought, and when the next one comes', async () => {
    const { clock, contact, server, said } = asking();

    await contact.ask();
    const last = { at: AT, outcome: 'changed', failure: null, next: '2026-03-01T10:01:00Z' };
    expect(contact.last()).toEqual(last);
    expect(said).toEqual([{ level: 'info', message: 'the server has news', next: last.next }]);

    server.answer = 'unchanged';
    await clock.advance(POLL_MS);
    await contact.ask();

    expect(contact.last()).toMatchObject({ at: last.next, outcome: 'unchanged' });
    expect(said).toHaveLength(1);
    expect(server.refreshes).toEqual([Date.parse(AT), Date.parse(last.next)]);
  });

  it('under way is joined, and is not due again meanwhile', async () => {
    const { clock, contact, server } = asking();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.arrives = promise;
    const ended: number[] = [];
    const both = [1, 2].map((n) => contact.ask().then(() => ended.push(n)));
    await settle();
    expect([server.refreshes.length, contact.dueAt(), ended]).toEqual([1, LONGEST_WAIT_MS, []]);

    await clock.advance(5000);
    resolve();
    await Promise.all(both);

    expect(contact.dueAt()).toBe(5000 + POLL_MS);
    expect(contact.last()).toMatchObject({ at: AT, next: '2026-03-01T10:01:05Z' });
    await contact.ask();
    expect(server.refreshes).toHaveLength(2);
  });

  it('that fails is asked again less and less often, and at its interval once one is answered', async () => {
    const { clock, contact, server } = asking();
    const waits: number[] = [];
    const ask = async (fails: unknown) => {
      server.fails = fails;
      await contact.ask();
      waits.push(contact.dueAt() - clock.monotonic());
    };
    const gone = new FairleadError('transport/unreachable', { url: 'x', problem: 'gone' });

    for (const fails of [gone, gone, gone, null, gone]) await ask(fails);

    expect(waits.map((ms) => ms / POLL_MS)).toEqual([1, 2, 4, 1, 1]);
  });

  it.each([
    [
      'what was not believed',
      new FairleadError('trust/rollback', { role: 'timestamp', trusted: 7, offered: 5 }),
      { level: 'error', message: 'what the server sent was not believed' },
    ],
    [
      'a disk that did not take it',
      new FairleadError('disk/full', { path: 'trust', needed: 1, free: 0 }),
      { level: 'error', message: 'what the server sent could not be kept on this disk' },
    ],
    [
      'a server that is away',
      new FairleadError('transport/unreachable', { url: 'x', problem: 'gone' }),
      { level: 'warn', message: 'the server could not be asked' },
    ],
  ] as const)('tells of %s with its code, its sentence and what helps', async (_what, fails, line) => {
    const { contact, server, said } = asking();
    server.fails = fails;

    await contact.ask();

    const failure = { code: fails.code, message: fails.message, hint: fails.hint };
    expect(contact.last()).toEqual({ at: AT, outcome: 'failed', failure, next: expect.any(String) });
    expect(said).toEqual([{ ...line, ...failure, next: contact.last()?.next }]);
  });

  it('tells of a fault of its own without its words, and of a hostile one without its control characters', async () => {
    const { contact, server, said } = asking();
    server.fails = new TypeError('secret of the house');
    await contact.ask();
    expect(contact.last()?.failure).toEqual({
      code: 'internal',
      message: 'the agent failed to ask',
      hint: 'see the agent log',
    });
    expect(said).toMatchObject([{ level: 'warn', code: 'internal' }]);

    server.fails = new FairleadError('transport/unreachable', { url: 'x', problem: 'a\u001b[2Jb' });
    await contact.ask();

    expect(contact.last()?.failure?.message).not.toContain('\u001b');
  });

  it.each([
    [{ retryAfterSeconds: 600 }, 10.5],
    [{}, 1],
  ])('that was refused with %j is asked again after as many minutes: %d', async (wish, minutes) => {
    const { clock, contact, server } = asking();
    server.fails = new FairleadError('transport/refused', {
      url: 'x',
      status: 503,
      problem: 'busy',
      ...wish,
    });

    await contact.ask();

    expect((contact.dueAt() - clock.monotonic()) / POLL_MS).toBe(minutes);
  });
});
