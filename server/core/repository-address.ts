// Where the signed repository is kept: a directory, or an S3 bucket whose secret key stands in no text of ours.

import { isLoopback } from '../../shared/encoding/hosts.ts';
import { FairleadError } from '../../shared/errors/error.ts';

export interface DirectoryAddress {
  readonly kind: 'directory';
  readonly path: string;
  /** What errors, the log and files may name. */
  readonly place: string;
}

export interface S3Address {
  readonly kind: 's3';
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Of every key, with a slash at its end; empty for none. */
  readonly prefix: string;
  readonly keys: S3Keys;
  readonly place: string;
}

export type RepositoryAddress = DirectoryAddress | S3Address;

/** For the signature alone. */
export interface S3Keys {
  readonly id: string;
  readonly secret: string;
  /** Of temporary keys. */
  readonly session: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Text of an address of another kind may hold a password, and a directory's name stands in errors. Error: server/repository-address. */
export function verifyPath(text: string): void {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) throw unfit('it is neither s3://BUCKET/PREFIX nor a directory');
}

export function directoryAddress(path: string): DirectoryAddress {
  return { kind: 'directory', path, place: path };
}

export function isS3(text: string): boolean {
  return /^s3:/i.test(text);
}

/** A bucket, and path segments that need no encoding in any program. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}\/){0,8}$/;
const REGION = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * `s3://ID:SECRET@BUCKET/PREFIX?region=…&endpoint=…`; what it leaves out stands under the names that AWS gave it in the
 * environment. What is wrong is said without the text itself: it may hold a key. Error: server/repository-address.
 */
export function parseS3Address(text: string, environment: Environment): S3Address {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.protocol !== 's3:' || url.hash !== '') {
    throw unfit('it is no URL; signs such as / + # ? @ in a key are written as %2F %2B %23 %3F %40');
  }
  const bucket = url.host;
  // As it was written: dots that a URL takes for steps up and down would lead elsewhere than they say.
  const path = /^s3:\/\/[^/?#]*([^?#]*)/i.exec(text)?.[1] ?? '';
  const prefix = path.replace(/^\//, '').replace(/(?<=[^/])$/, '/');
  if (!BUCKET.test(bucket)) throw unfit('it names no bucket: lower-case letters, digits, dots and hyphens');
  if (!PREFIX.test(prefix))
    throw unfit('its prefix is letters, digits, dots, hyphens, underscores and slashes');
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'region' && name !== 'endpoint');
  if (unknown !== undefined) throw unfit('behind the ? it takes region and endpoint alone');
  const { searchParams: given } = url;
  const region =
    given.get('region') ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1';
  if (!REGION.test(region)) throw unfit('its region is no name of one');
  const named = given.get('endpoint') ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  const endpoint = parseEndpoint(named ?? `https://s3.${region}.amazonaws.com`);
  const place = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
  return { kind: 's3', endpoint, region, bucket, prefix, keys: keysOf(url, environment), place };
}

/** For what everybody on the machine can read, such as a command line. */
export function holdsSecret(text: string): boolean {
  return isS3(text) && (!URL.canParse(text) || new URL(text).password !== '');
}

/** Signatures do not hide what is sent, and do not cover what comes back. */
function parseEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search + url.hash === '';
  if (url === null || !isPlain || url.username + url.password !== '') {
    throw unfit('its endpoint is no address such as https://storage.example.com');
  }
  const name = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol === 'http:' && name !== 'localhost' && !isLoopback(name)) {
    throw unfit('its endpoint is on another machine and speaks no TLS');
  }
  return url.href.replace(/\/+$/, '');
}

function keysOf(url: URL, environment: Environment): S3Keys {
  if (url.password !== '') {
    return { id: decode(url.username), secret: decode(url.password), session: null };
  }
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: session } = environment;
  if (id === undefined || secret === undefined || id === '' || secret === '') {
    throw unfit('there is no key for it, neither in it nor in the environment');
  }
  return { id, secret, session: session === undefined || session === '' ? null : session };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unfit('a % in a key is written as %25');
  }
}

function unfit(problem: string): FairleadError {
  return new FairleadError('server/repository-address', { problem });
}

/** The keys of one profile in a credentials file as AWS's own programs keep it, under their names in the environment. */
export function environmentOfProfile(text: string, profile: string): Environment {
  const found: Record<string, string> = {};
  let section = '';
  for (const one of text.split(/\r?\n/)) {
    section = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(one)?.[1] ?? section;
    const [, name, value] =
      /^\s*(aws_access_key_id|aws_secret_access_key|aws_session_token)\s*=\s*(\S+)/i.exec(one) ?? [];
    if (section === profile && name !== undefined && value !== undefined) found[name.toUpperCase()] = value;
  }
  return found;
}
