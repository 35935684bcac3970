// Addresses of databases: what they name, what of them may be said, and what is wrong with those that name nothing.
import { describe, expect, it } from 'vitest';
import { holdsPassword, parsePostgresAddress } from '../../../server/core/database-address.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';

describe('an address', () => {
  it.each([
    ['of a host', 'postgres://fairlead@db.example.com/fairlead', 'db.example.com/fairlead', false],
    ['with a port', 'postgresql://fairlead@10.0.0.7:5433/fleet', '10.0.0.7:5433/fleet', false],
    ['of version 6', 'postgres://fairlead@[::1]:5433/fleet', '[::1]:5433/fleet', false],
    ['with a password', 'postgres://fairlead:s3cret@db/fairlead', 'db/fairlead', true],
    ['with a password that is escaped', 'postgres://fairlead:s%2F3@db/fairlead', 'db/fairlead', true],
    ['with a password in its query', 'postgres://fairlead@db/fairlead?password=s3cret', 'db/fairlead', true],
    ['of a socket', 'postgres:///fairlead?host=/run/postgresql', '/run/postgresql/fairlead', false],
    [
      'of a socket with an account',
      'postgres://a@/fairlead?host=/run/postgresql',
      '/run/postgresql/fairlead',
      false,
    ],
    [
      'of a socket with a password',
      'postgres://a:s3cret@/fairlead?host=/run/postgresql',
      '/run/postgresql/fairlead',
      true,
    ],
    ['with a way to connect', 'postgres://a@db/fairlead?sslmode=verify-full', 'db/fairlead', false],
  ])('%s is named by its place', (_what, url, place, secret) => {
    const address = parsePostgresAddress(url);

    expect([address.url, address.place, holdsPassword(address)]).toEqual([url, place, secret]);
  });

  it.each([
    ['of another kind', 'mysql://a:s3cret@db/fairlead'],
    ['without a database', 'postgres://a:s3cret@db'],
    ['with two databases', 'postgres://a:s3cret@db/one/two'],
    ['with a sign in its password that ends it', 'postgres://a:s3cret#x@db/fairlead'],
    ['with a slash in its password', 'postgres://a:s3cret/x@db/fairlead'],
    ['with a port that is none', 'postgres://a:s3cret@db:port/fairlead'],
    ['of nothing', ''],
    ['that is a path', '/var/lib/s3cret.db'],
  ])('%s is refused without a word of it', (_what, url) => {
    const refusal = refusalOf(url);

    expect(refusal).toMatchObject({ code: 'server/database-address' });
    expect(JSON.stringify([refusal, refusal.message, refusal.hint, refusal.stack])).not.toContain('s3cret');
  });
});

function refusalOf(url: string) {
  try {
    parsePostgresAddress(url);
  } catch (error) {
    if (isFairleadError(error)) return error;
  }
  throw new Error('it was not refused');
}
