// What a lockfile of npm says is installed: its packages by their place, read strictly and within bounds, nothing of it run or fetched.
import { z } from 'zod';
import type { JsonLimits } from '../../../../shared/encoding/json.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { nameAt } from './npm-names.ts';

export const MAX_LOCK_BYTES = 64 << 20;
export const MAX_LOCKED_PACKAGES = 50_000;
const MAX_LOCKED_DEPENDENCIES = 500_000;
/** npm itself gives up long before: a place deeper than that was made up. */
const MAX_NESTING = 64;

const LIMITS: JsonLimits = {
  maxBytes: MAX_LOCK_BYTES,
  maxDepth: 32,
  maxNodes: 4_000_000,
  minBytesPerNode: 8,
};

const text = z.string().max(1024);
const wanted = z.record(z.string().max(256), z.unknown()).optional();

const locked = z.looseObject({
  /** Where it is not the one that its place says: an alias, or a folder of the project. */
  name: z.string().max(256).optional(),
  version: z.string().max(256).optional(),
  resolved: z.unknown().optional(),
  link: z.boolean().optional(),
  dev: z.boolean().optional(),
  integrity: text.optional(),
  license: z.unknown().optional(),
  dependencies: wanted,
  optionalDependencies: wanted,
  peerDependencies: wanted,
});

const lockfile = z.looseObject({
  lockfileVersion: z.int().min(2).max(3),
  packages: z.record(z.string().max(4096), locked),
});

export interface LockedPackage {
  readonly name: string;
  readonly version: string | null;
  /** Subresource integrity: one hash or several. */
  readonly integrity: string | null;
  readonly license: string | null;
  /** By name; what is optional or a peer may be nowhere. */
  readonly wants: readonly string[];
  /** Stands for the package at this place. */
  readonly link: string | null;
  /** Needed to build it alone. */
  readonly isDev: boolean;
}

export interface NpmLock {
  /** By place below the lockfile's project, such as `node_modules/a/node_modules/b`; the project itself has none: ''. */
  readonly packages: ReadonlyMap<string, LockedPackage>;
}

/** Errors: json/invalid, json/too-large, document/invalid. */
export function parseLock(bytes: Uint8Array, source: string): NpmLock {
  const { packages } = parseDocumentBytes(lockfile, bytes, source, LIMITS);
  const places = Object.entries(packages);
  refuseBeyond(source, 'its number of packages', places.length, MAX_LOCKED_PACKAGES);
  const read = new Map<string, LockedPackage>();
  let wants = 0;
  for (const [place, entry] of places) {
    refuseBeyond(source, 'its depth', place.split('node_modules/').length - 1, MAX_NESTING);
    const one = toPackage(place, entry);
    wants += one.wants.length;
    refuseBeyond(source, 'its number of dependencies', wants, MAX_LOCKED_DEPENDENCIES);
    read.set(place, one);
  }
  return { packages: read };
}

/** As Node looks for it: beside whoever asks, then further out. Null where it is nowhere. */
export function findPackage({ packages }: NpmLock, from: string, name: string): string | null {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    const found = packages.get(place);
    if (found !== undefined) return found.link ?? place;
    if (at === '') return null;
  }
}

function toPackage(place: string, entry: z.output<typeof locked>): LockedPackage {
  const { name, version, resolved, link = false, dev = false, integrity, license } = entry;
  const { dependencies, optionalDependencies, peerDependencies } = entry;
  const wants = [dependencies, optionalDependencies, peerDependencies].flatMap((each) =>
    Object.keys(each ?? {}),
  );
  return {
    name: name ?? nameAt(place),
    version: version ?? null,
    integrity: integrity ?? null,
    license: typeof license === 'string' && license.length <= 1024 ? license : null,
    wants: [...new Set(wants)],
    link: link && typeof resolved === 'string' ? resolved : null,
    isDev: dev,
  };
}

function refuseBeyond(source: string, limit: string, found: number, most: number): void {
  if (found > most) throw new FairleadError('json/too-large', { source, limit, value: most });
}
