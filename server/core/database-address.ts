// Where the tables are: the embedded file, or a PostgreSQL database, whose password stands in no text of ours.
import { FairleadError } from '../../shared/errors/error.ts';

export interface FileAddress {
  readonly kind: 'file';
  readonly path: string;
}

export interface PostgresAddress {
  readonly kind: 'postgres';
  /** As it was given, password and all: for the driver alone. */
  readonly url: string;
  /** Host and database: what errors, the log and files may name. */
  readonly place: string;
}

export type DatabaseAddress = FileAddress | PostgresAddress;

export function fileAddress(path: string): FileAddress {
  return { kind: 'file', path };
}

/**
 * As in libpq: postgres://account:password@host/database, or with a socket's directory as `?host=`. What is wrong is said
 * without the text itself: it may hold a password. Error: server/database-address.
 */
export function parsePostgresAddress(text: string): PostgresAddress {
  if (!/^postgres(?:ql)?:\/\//.test(text)) throw unfit('it does not begin with postgres://');
  const url = parseUrl(text);
  const host = url?.searchParams.get('host') ?? url?.host ?? '';
  if (url === null || host === '' || url.hash !== '') {
    throw unfit('it is no URL; signs such as # / ? @ in a password are written as %23 %2F %3F %40');
  }
  if (!/^\/[^/]+$/.test(url.pathname)) throw unfit('it names no database behind the host');
  return { kind: 'postgres', url: text, place: `${host}${url.pathname}` };
}

/** For what everybody on the machine can read, such as a command line. */
export function holdsPassword({ url }: PostgresAddress): boolean {
  const { password = '', searchParams } = parseUrl(url) ?? {};
  return password !== '' || searchParams?.has('password') === true;
}

/** A host may be missing before the path where the query names a socket. */
function parseUrl(text: string): URL | null {
  const whole = text
    .replace(/^(\w+:\/\/[^/?#]*@)\//, '$1localhost/')
    .replace(/^(\w+:\/\/)\//, '$1localhost/');
  return URL.canParse(whole) ? new URL(whole) : null;
}

function unfit(problem: string): FairleadError {
  return new FairleadError('server/database-address', { problem });
}
