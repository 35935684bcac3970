// A release's tree as its rules ask it: what stands at a path, links followed, and what the first bytes of a file are.
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { nearest } from '../../../../shared/encoding/nearest.ts';
import type { SaidPlatform } from '../../../../shared/schema/image-platform.ts';
import type { TreeEntry, TreeFile, TreeIndex } from '../../../../shared/tree/tree-index.ts';

export type Found =
  | { readonly kind: 'file'; readonly file: TreeFile }
  | { readonly kind: 'directory' }
  | { readonly kind: 'missing' };

export interface TreeFacts {
  readonly files: number;
  /** What a path of the tree leads to; links are followed. */
  at(path: string): Found;
  /** Files whose path is so. */
  named(form: RegExp): readonly TreeFile[];
  /** The first bytes of a file; null where nobody read them. */
  head(file: TreeFile): Uint8Array | null;
  /** Which images an archive holds, or what is wrong with it; null where nobody looked. */
  images(archive: TreeFile): ArchiveImages | null;
  /** The path that differs least from one that leads nowhere. */
  near(path: string): string | null;
}

/** The first bytes of files by the digest of their content. */
export type Heads = ReadonlyMap<Digest, Uint8Array>;

export interface ArchiveImage {
  /** By its configuration, and by its manifest where that is known. */
  readonly ids: readonly Digest[];
  readonly platform: SaidPlatform;
}

/** A text says why it cannot be read. */
export type ArchiveImages = readonly ArchiveImage[] | string;
/** Of archives, by the digest of their content. */
export type Archives = ReadonlyMap<Digest, ArchiveImages>;

/** As many links as Linux follows. */
const MAX_HOPS = 40;

export function createTreeFacts(
  index: TreeIndex,
  heads: Heads = new Map(),
  archives: Archives = new Map(),
): TreeFacts {
  const entries = new Map(index.entries.map((entry) => [entry.path, entry]));
  const directories = new Set(index.entries.flatMap(({ path }) => ancestorsOf(path)));
  return {
    files: index.entries.filter(({ kind }) => kind === 'file').length,
    at: (path) => {
      const real = follow(path, entries);
      if (real === null) return { kind: 'missing' };
      const entry = entries.get(real);
      if (entry?.kind === 'file') return { kind: 'file', file: entry };
      return { kind: real === '' || entry !== undefined || directories.has(real) ? 'directory' : 'missing' };
    },
    named: (form) =>
      index.entries.filter((one): one is TreeFile => one.kind === 'file' && form.test(one.path)),
    head: (file) => heads.get(file.digest) ?? null,
    images: (archive) => archives.get(archive.digest) ?? null,
    near: (path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const elsewhere = index.entries.find((entry) => entry.path.endsWith(`/${name}`) || entry.path === name);
      return elsewhere?.path ?? nearest(path, entries.keys());
    },
  };
}

/** A relative path without `.` and `..`; null where it climbs out of the tree. Text alone: links are for `at`. */
export function normalize(path: string): string | null {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

function ancestorsOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, count) => parts.slice(0, count + 1).join('/'));
}

/** Part by part as the kernel walks; null out of the tree or in a loop of links. */
function follow(path: string, entries: ReadonlyMap<string, TreeEntry>): string | null {
  const ahead = path.split('/').reverse();
  const at: string[] = [];
  let hops = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return null;
      continue;
    }
    at.push(part);
    const entry = entries.get(at.join('/'));
    if (entry?.kind !== 'link') continue;
    if (++hops > MAX_HOPS) return null;
    at.pop();
    ahead.push(...entry.target.split('/').reverse());
  }
  return at.join('/');
}
