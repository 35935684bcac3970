// What counts as a database that is gone, and how often somebody looks for it.
import { describe, expect, it } from 'vitest';
import { createOutage, isLost } from '../../../server/db/postgres.ts';

describe('an outage', () => {
  it('lets one try after a pause that doubles up to five seconds, and all others know at once', () => {
    let now = 0;
    const outage = createOutage(() => now);
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      outage.fail();
      const failed = now;
      while (outage.isRefusing()) now += 50;
      pauses.push(now - failed);
    }

    expect(pauses).toEqual([250, 500, 1_000, 2_000, 5_000, 5_000]);
  });

  it('is over with the first connection', () => {
    const outage = createOutage(() => 0);
    outage.fail();
    outage.end();

    expect(outage.isRefusing()).toBe(false);
    outage.fail();
    expect(outage.isRefusing()).toBe(true);
  });
});

describe('a database', () => {
  const failed = (fields: object, message = 'failed') => Object.assign(new Error(message), fields);

  it.each([
    ['refuses', failed({ code: 'ECONNREFUSED', syscall: 'connect' })],
    ['refuses in both families', new AggregateError([failed({ code: 'ECONNREFUSED', syscall: 'connect' })])],
    ['has no socket', failed({ code: 'ENOENT', syscall: 'connect' })],
    ['has no name', failed({ code: 'EAI_AGAIN', syscall: 'getaddrinfo' })],
    ['resets', failed({ code: 'ECONNRESET', syscall: 'read' })],
    ['ends in the middle', failed({}, 'Connection terminated unexpectedly')],
    ['is silent', failed({}, 'Query read timeout')],
    ['is shut down', failed({ code: '57P01' })],
    ['starts', failed({ code: '57P03' })],
    ['has become a standby', failed({ code: '25006' })],
    ['takes no more connections', failed({ code: '53300' })],
    ['ended a transaction that was idle for too long', failed({ code: '25P03' })],
  ])('that %s is gone', (_what, cause) => {
    expect(isLost(cause)).toBe(true);
  });

  it.each([
    ['a query that is wrong', failed({ code: '42601' })],
    ['a row that is there', failed({ code: '23505' })],
    ['a deadlock', failed({ code: '40P01' })],
    ['a certificate that is not on the disk', failed({ code: 'ENOENT', syscall: 'open' })],
    ['a mistake', new TypeError('x is not a function')],
    ['nothing', undefined],
  ])('is there in spite of %s', (_what, cause) => {
    expect(isLost(cause)).toBe(false);
  });
});
