// The packages that a tree ships, by its lockfiles: each once, with what it depends on, in an order that is always the same.
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import { findPackage, type LockedPackage, type NpmLock } from './npm-lock.ts';
import { ANY_NPM_MANIFEST, manifestAt, NPM_MANIFEST, namesOf, placesAmong } from './npm-names.ts';

export interface TreeLock {
  /** Of the project in the tree, '' for the tree itself. */
  readonly directory: string;
  readonly lock: NpmLock;
}

export interface NpmParts {
  readonly components: readonly JsonObject[];
  /** What each needs, by reference. */
  readonly needs: ReadonlyMap<string, ReadonlySet<string>>;
  /** What the projects themselves need. */
  readonly roots: ReadonlySet<string>;
  /** Places in the tree that hold a package, maybe inside of another, which is none of the components, for no lockfile lists it. */
  readonly unlisted: readonly string[];
}

/** `files` are the paths of the tree. Where it brings no `node_modules`, its packages are inside other files: all count. */
export function collectNpmParts(locks: readonly TreeLock[], files: ReadonlySet<string>): NpmParts {
  const components = new Map<string, JsonObject>();
  const needs = new Map<string, Set<string>>();
  const roots = new Set<string>();
  const places = placesAmong(files, NPM_MANIFEST);
  const listed = new Set<string>();
  for (const { directory, lock } of locks) {
    const below = directory === '' ? '' : `${directory}/`;
    const isInstalled = [...places].some((place) => place.startsWith(`${below}node_modules/`));
    const installed = isInstalled ? installedOf(lock, (place) => files.has(manifestAt(below + place))) : null;
    const isShipped = (place: string, { link, isDev }: LockedPackage) =>
      place !== '' && link === null && (installed === null ? !isDev : installed.has(place));
    const refs = new Map<string, string>();
    for (const [place, one] of lock.packages) {
      if (!isShipped(place, one)) continue;
      const ref = refOf(one, components);
      refs.set(place, ref);
      components.set(ref, toComponent(ref, one));
    }
    const refsWanted = (place: string, { wants }: LockedPackage) =>
      wants.flatMap((name) => refs.get(findPackage(lock, place, name) ?? '') ?? []);
    for (const [place, one] of lock.packages) {
      const ref = refs.get(place);
      if (place === '') for (const root of refsWanted(place, one)) roots.add(root);
      if (ref === undefined) continue;
      const known = needs.get(ref) ?? new Set();
      for (const wanted of refsWanted(place, one)) known.add(wanted);
      needs.set(ref, known);
    }
    for (const [place, { link }] of lock.packages) if (refs.has(link ?? place)) listed.add(below + place);
  }
  const unlisted = [...placesAmong(files, ANY_NPM_MANIFEST)].filter((place) => !listed.has(place));
  return {
    components: [...components].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component),
    ...{ needs, roots, unlisted: unlisted.toSorted() },
  };
}

/** A link that was followed as files were copied has the files of the package that it stands for. */
function installedOf({ packages }: NpmLock, isThere: (place: string) => boolean): ReadonlySet<string> {
  return new Set([...packages].flatMap(([place, { link }]) => (isThere(place) ? [link ?? place] : [])));
}

/** The same package in two places is one; two that call themselves the same and have other bytes are two. */
function refOf(one: LockedPackage, known: ReadonlyMap<string, JsonObject>): string {
  const { purl } = namesOf(one.name, one.version);
  const hashes = JSON.stringify(hashesOf(one));
  const isOther = known.has(purl) && JSON.stringify(known.get(purl)?.hashes ?? []) !== hashes;
  return isOther ? `${purl}#${one.integrity ?? 'unknown'}` : purl;
}

function toComponent(ref: string, one: LockedPackage): JsonObject {
  const { purl, ...names } = namesOf(one.name, one.version);
  const hashes = hashesOf(one);
  const { license } = one;
  return {
    type: 'library',
    'bom-ref': ref,
    ...names,
    ...(hashes.length === 0 ? {} : { hashes }),
    ...(license === null ? {} : { licenses: [toLicense(license)] }),
    purl,
  };
}

const ALGORITHMS: Readonly<Record<string, readonly [alg: string, hexDigits: number]>> = {
  sha1: ['SHA-1', 40],
  sha256: ['SHA-256', 64],
  sha384: ['SHA-384', 96],
  sha512: ['SHA-512', 128],
};

function hashesOf({ integrity }: LockedPackage): readonly JsonObject[] {
  return (integrity ?? '').split(/\s+/).flatMap((one) => {
    const [, name = '', text = ''] = /^([a-z0-9]+)-([A-Za-z0-9+/]+={0,2})/.exec(one) ?? [];
    const [alg, digits] = ALGORITHMS[name] ?? [];
    const content = Buffer.from(text, 'base64').toString('hex');
    return alg === undefined || content.length !== digits ? [] : [{ alg, content }];
  });
}

const EXPRESSION = /^\(*[A-Za-z0-9][A-Za-z0-9.+-]*\)*(?: (?:AND|OR|WITH) \(*[A-Za-z0-9][A-Za-z0-9.+-]*\)*)*$/;

/** Whether it is on SPDX's list is for whoever reads it: what has the form of an expression is given as one. */
export function toLicense(license: string): JsonObject {
  return EXPRESSION.test(license) ? { expression: license } : { license: { name: license } };
}
