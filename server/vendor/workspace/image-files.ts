// Files inside of an image, by laying its layers over one another as engines do; names in them are text, and never opened here.
import { open } from 'node:fs/promises';
import { posix } from 'node:path';
import {
  ImageFault,
  readEntries,
  type TarEntry,
  tarSourceOf,
} from '../../../shared/node/images/tar-files.ts';

/** Null where it is too large, or stands for something else than a file. */
type InsideFiles = ReadonlyMap<string, Uint8Array | null>;

const MOST_ENTRIES = 1_000_000;
/** Of a layer, where each has as many bytes as most have at the most; larger ones count for several. */
const MOST_FILES = 50_000;
const BYTES_A_FILE = 4096;
/** Of those that engines have no more either. */
const MOST_LAYERS = 128;

/** OCI image layer, §whiteouts. */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * `layers` are plain archives, lowest first; `wanted` says how many bytes of the file at a path are read at most, null for none.
 * Throws an ImageFault whose message says what is wrong with one; errors of the system pass.
 */
export async function readInside(
  layers: readonly string[],
  wanted: (path: string) => number | null,
): Promise<InsideFiles> {
  if (layers.length > MOST_LAYERS) throw new ImageFault(`it has more than ${MOST_LAYERS} layers`);
  let files = new Map<string, Uint8Array | null>();
  for (const layer of layers) files = await layOver(files, layer, wanted);
  return files;
}

async function layOver(
  below: ReadonlyMap<string, Uint8Array | null>,
  layer: string,
  wanted: (path: string) => number | null,
): Promise<Map<string, Uint8Array | null>> {
  const covers = ancestorsAmong(below);
  const gone = new Set<string>();
  const emptied = new Set<string>();
  const own = new Map<string, Uint8Array | null>();
  let left = MOST_FILES;
  const handle = await open(layer, 'r');
  try {
    const source = await tarSourceOf(handle, Number.POSITIVE_INFINITY);
    for await (const entry of readEntries(source, MOST_ENTRIES)) {
      const path = pathIn(entry.name);
      if (path === null) continue;
      const name = posix.basename(path);
      const directory = posix.dirname(path);
      if (name === OPAQUE) emptied.add(directory);
      else if (name.startsWith(WHITEOUT)) gone.add(posix.join(directory, name.slice(WHITEOUT.length)));
      else {
        // A file in the place of a directory takes all that was in it along.
        if (entry.kind !== 'directory' && covers.has(path)) gone.add(path);
        const most = entry.kind === 'directory' ? null : wanted(path);
        if (most === null) continue;
        const bytes = await contentOf(entry, most, (length) => source.read(length), own, below);
        left -= 1 + (bytes?.length ?? 0) / BYTES_A_FILE;
        if (left < 0) throw new ImageFault('more is installed in it than is looked at');
        own.set(path, bytes);
      }
    }
  } finally {
    await handle.close();
  }
  const uncovered = [...below].filter(([path]) => !isCovered(path, gone, emptied));
  return new Map([...uncovered, ...own]);
}

/** A name of an archive as one below the root; null for what no engine would put there. */
function pathIn(name: string): string | null {
  const path = posix.normalize(name).replace(/^\/+|\/+$/g, '');
  return path === '' || path === '.' || path.split('/').includes('..') ? null : path;
}

async function contentOf(
  { kind, size, target }: TarEntry,
  most: number,
  read: (length: number) => Promise<Buffer>,
  own: ReadonlyMap<string, Uint8Array | null>,
  below: ReadonlyMap<string, Uint8Array | null>,
): Promise<Uint8Array | null> {
  const linked = kind === 'hardlink' ? pathIn(target) : null;
  if (linked !== null) return own.get(linked) ?? below.get(linked) ?? null;
  if (kind !== 'file' || size > most) return null;
  const bytes = await read(size);
  if (bytes.length < size) throw new ImageFault('a layer of it is cut');
  return bytes;
}

/** The paths and every directory that they are in. */
function ancestorsAmong(files: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  return new Set([...files.keys()].flatMap(ancestorsOf));
}

/** Itself first. */
function ancestorsOf(path: string): readonly string[] {
  const all: string[] = [];
  for (let at = path; at !== '.'; at = posix.dirname(at)) all.push(at);
  return all;
}

function isCovered(path: string, gone: ReadonlySet<string>, emptied: ReadonlySet<string>): boolean {
  const [own, ...directories] = [...ancestorsOf(path), '.'];
  return (own !== undefined && gone.has(own)) || directories.some((one) => gone.has(one) || emptied.has(one));
}
