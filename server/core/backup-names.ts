// What stands at the place of the backups is called: which set, of when, how large, and which list of files it goes with.
import { type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';

export const SETS = 'sets/';
export const LOG = 'log/';
export const PUBLISHED = 'published/';
export const FILES = 'files/';
export const LISTS = 'lists/';
export const DATA = 'data/';
export const PREFIXES: readonly string[] = [SETS, LOG, PUBLISHED, FILES, LISTS, DATA];
/** Whose backups they are: the one file in the clear. */
export const FLEET = 'fleet.json';

/** One backup. */
export interface SetName {
  readonly name: string;
  /** Counts up, whatever clocks say. */
  readonly sequence: number;
  readonly at: EpochMs;
  /** Of what it has for itself: the copy of the database. */
  readonly bytes: number;
  /** The files of the repository, which most sets share. */
  readonly list: string;
}

/** What was published at one time; the name says in which order. */
export interface PublishedName {
  readonly name: string;
  readonly timestamp: number;
  readonly at: EpochMs;
  readonly list: string;
  /** Of the commit: two of one second are two. */
  readonly id: string;
}

/** A part of the audit log, both ends included. */
export interface LogName {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly at: EpochMs;
}

const SET = /^sets\/(\d{9})-(\d{8}T\d{6}Z)-(\d{1,15})-([0-9a-f]{32})$/;
const PUBLICATION = /^published\/(\d{12})-(\d{8}T\d{6}Z)-([0-9a-f]{32})-([0-9a-f]{16})$/;
const PART = /^log\/(\d{12})-(\d{12})-(\d{8}T\d{6}Z)$/;

export function nameSet({ sequence, at, bytes, list }: Omit<SetName, 'name'>): SetName {
  const name = `${SETS}${padded(sequence, 9)}-${stampOf(at)}-${bytes}-${list}`;
  return { name, sequence, at: timeOf(stampOf(at)), bytes, list };
}

/** Null for what is none. */
export function parseSet(name: string): SetName | null {
  const [, sequence, at = '', bytes, list = ''] = SET.exec(name) ?? [];
  if (sequence === undefined) return null;
  return { name, sequence: Number(sequence), at: timeOf(at), bytes: Number(bytes), list };
}

export function namePublished({ timestamp, at, list, id }: Omit<PublishedName, 'name'>): string {
  return `${PUBLISHED}${padded(timestamp, 12)}-${stampOf(at)}-${list}-${id}`;
}

export function parsePublished(name: string): PublishedName | null {
  const [, timestamp, at = '', list = '', id = ''] = PUBLICATION.exec(name) ?? [];
  return timestamp === undefined ? null : { name, timestamp: Number(timestamp), at: timeOf(at), list, id };
}

export function nameLog({ from, to, at }: Omit<LogName, 'name'>): string {
  return `${LOG}${padded(from, 12)}-${padded(to, 12)}-${stampOf(at)}`;
}

export function parseLog(name: string): LogName | null {
  const [, from, to, at = ''] = PART.exec(name) ?? [];
  return from === undefined ? null : { name, from: Number(from), to: Number(to), at: timeOf(at) };
}

/** Of content that is known by its digest under the key: who has no key learns nothing from it. */
export function nameFile(hex: string): string {
  return `${FILES}${hex.slice(0, 2)}/${hex}`;
}

export function nameList(list: string): string {
  return LISTS + list;
}

export function nameData(sequence: number, at: EpochMs): string {
  return `${DATA}${padded(sequence, 9)}-${stampOf(at)}`;
}

/** Which set a copy of the database belongs to. */
export function sequenceOfData(name: string): number {
  return Number(/^data\/(\d{9})-/.exec(name)?.[1] ?? 0);
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, '0');
}

/** `20261129T010500Z` */
function stampOf(at: EpochMs): string {
  return formatInstant(at).replace(/[-:]/g, '');
}

function timeOf(stamp: string): EpochMs {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp) ?? [];
  return instantMs(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
}
