// The repository on its way to the place of the backups: each file once, known by its content, and a list of all that stood there.
import { createHash } from 'node:crypto';
import { forEachBounded } from '../../shared/node/turns.ts';
import { nameFile, nameList } from '../core/backup-names.ts';
import { PUBLIC, TIMESTAMP } from '../repository/names.ts';
import type { RepositoryStore } from '../repository/store.ts';
import type { BackupPlace } from './place.ts';
import { type Bytes, collect } from './sealed.ts';
import { type CopiedFile, encodeList, readList } from './set.ts';

/** What was copied before, so that it is neither read nor sent again. */
export interface Known {
  readonly list: string;
  readonly files: ReadonlyMap<string, CopiedFile>;
}

export const NOTHING_KNOWN: Known = { list: '', files: new Map() };

const PARALLEL = 8;
const LIST_DIGITS = 32;

/** What an earlier list at the place says. Errors: backup/*, document/invalid. */
export async function readKnown(place: BackupPlace, list: string): Promise<Known> {
  const files = await readList(place, nameList(list));
  return { list, files: new Map(files.map((file) => [file[0], file])) };
}

/**
 * Everything but the timestamp, which has one name for many contents, is there when this answers. `isThere` says whether a
 * file of `known` still stands at the place. Errors: backup/*, and those of the store.
 */
export async function copyRepository(
  store: RepositoryStore,
  place: BackupPlace,
  known: Known,
  isThere: (name: string) => boolean,
): Promise<Known> {
  const names: string[] = [];
  for await (const name of store.list(PUBLIC)) if (name !== TIMESTAMP) names.push(name);
  const files = new Map<string, CopiedFile>();
  await forEachBounded(names.sort(), PARALLEL, async (name) => {
    const tag = await store.tagOf(name);
    // Pruned since it was listed: nobody may still ask for it.
    if (tag === null) return;
    const before = known.files.get(name);
    const isKnown = before !== undefined && before[1] === tag && isOfKey(place, before) && isThere(before[2]);
    const copied = isKnown ? before : await copyFile(store, place, name, tag);
    if (copied !== null) files.set(name, copied);
  });
  const sorted = names.map((name) => files.get(name)).filter((file) => file !== undefined);
  const bytes = encodeList(sorted);
  const list = place.nameOf(bytes).slice(0, LIST_DIGITS);
  if (list !== known.list && !(await place.has(nameList(list)))) await place.put(nameList(list), bytes);
  return { list, files };
}

/** Of the key in force: what an older one sealed could not be opened once that one is thrown away. */
function isOfKey(place: BackupPlace, [, , object, , sha256]: CopiedFile): boolean {
  return object === nameFile(place.nameOf(sha256));
}

async function copyFile(
  store: RepositoryStore,
  place: BackupPlace,
  name: string,
  tag: string,
): Promise<CopiedFile | null> {
  const first = await piecesOf(store, name);
  if (first === null) return null;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of first) {
    hash.update(piece);
    bytes += piece.length;
  }
  const sha256 = hash.digest('hex');
  const object = nameFile(place.nameOf(sha256));
  if (!(await place.has(object))) {
    const again = await piecesOf(store, name);
    if (again === null) return null;
    if (bytes <= SMALL_BYTES) await place.put(object, await collect(again));
    else await place.putLarge(object, again);
  }
  return [name, tag, object, bytes, sha256];
}

const SMALL_BYTES = 2 ** 20;

/** Null where nothing stands there any more. */
async function piecesOf(store: RepositoryStore, name: string): Promise<Bytes | null> {
  const file = await store.open(name);
  if (file === null) return null;
  return file.kind === 'small' ? [file.bytes] : await file.read(0, file.size);
}
