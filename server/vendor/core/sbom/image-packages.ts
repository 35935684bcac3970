// The packages inside of an image, by what its package managers wrote down: dpkg, apk and npm; rpm's databases are not read.
import { sanitizeLine } from '../../../../shared/encoding/text.ts';
import { NPM_MANIFEST, namesOf } from './npm-names.ts';

export interface ImagePackage {
  readonly purl: string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

export interface ImageContents {
  /** Each once, sorted by its address. */
  readonly packages: readonly ImagePackage[];
  /** By whose words. */
  readonly managers: readonly Manager[];
  /** What of them is not told, for people; empty where all was read. */
  readonly unread: readonly string[];
}

type Manager = 'dpkg' | 'apk' | 'npm';

/** How much of a file is looked at: no database of a distribution comes near it. */
const DATABASE_BYTES = 32 << 20;
const MANIFEST_BYTES = 1 << 20;
const RELEASE_BYTES = 64 << 10;

const PLACES: readonly (readonly [kind: Manager | 'rpm' | 'os', form: RegExp, mostBytes: number])[] = [
  ['dpkg', /^var\/lib\/dpkg\/status(?:\.d\/[^/]+)?$/, DATABASE_BYTES],
  ['apk', /^(?:usr\/)?lib\/apk\/db\/installed$/, DATABASE_BYTES],
  ['rpm', /^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/(?:Packages|Packages\.db|rpmdb\.sqlite)$/, 0],
  ['os', /^(?:etc|usr\/lib)\/os-release$/, RELEASE_BYTES],
  ['npm', NPM_MANIFEST, MANIFEST_BYTES],
];

/** How much of the file at a path says what is installed; null where it says nothing of that. */
export function bytesWanted(path: string): number | null {
  return path.length > MOST_CHARACTERS ? null : (PLACES.find(([, form]) => form.test(path))?.[2] ?? null);
}

/** Of a path, as Linux has it. */
const MOST_CHARACTERS = 4096;

const MOST_PACKAGES = 20_000;
const MOST_TOLD = 5;

/** `files` are those wanted, by path; null where one is too large, or stands in another's place. */
export function readPackages(files: ReadonlyMap<string, Uint8Array | null>): ImageContents {
  const found = new Map<string, ImagePackage>();
  const managers = new Set<Manager>();
  const unread: string[] = [];
  const distribution = distributionIn(files);
  let strange = 0;
  for (const [path, bytes] of files) {
    const kind = PLACES.find(([, form]) => form.test(path))?.[0];
    if (kind === undefined || kind === 'os' || path.endsWith('.md5sums')) continue;
    if (kind === 'rpm') unread.push(`packages of rpm, whose database ${sanitizeLine(path, 100)} is not read`);
    else if (bytes === null) unread.push(`${sanitizeLine(path, 200)}, which is too large, or no plain file`);
    else {
      managers.add(kind);
      for (const one of READERS[kind](Buffer.from(bytes).toString('utf8'), distribution)) {
        if (one === null) strange++;
        else found.set(one.purl, one);
      }
    }
  }
  if (strange > 0) unread.push(`${strange} entries that cannot be read`);
  const packages = [...found.values()].toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  if (packages.length > MOST_PACKAGES) unread.push(`packages beyond ${MOST_PACKAGES}`);
  const told = unread.slice(0, MOST_TOLD);
  if (unread.length > told.length) told.push(`${unread.length - told.length} more`);
  return { packages: packages.slice(0, MOST_PACKAGES), managers: [...managers].toSorted(), unread: told };
}

interface Distribution {
  readonly id: string | null;
  readonly version: string | null;
}

/** freedesktop.org, os-release(5); what the administrator may change counts first. */
function distributionIn(files: ReadonlyMap<string, Uint8Array | null>): Distribution {
  const bytes = files.get('etc/os-release') ?? files.get('usr/lib/os-release') ?? new Uint8Array();
  const text = Buffer.from(bytes).toString('utf8');
  const read = (key: string) => new RegExp(`^${key}="?([a-z0-9._-]{1,64})"?$`, 'm').exec(text)?.[1] ?? null;
  return { id: read('ID'), version: read('VERSION_ID') };
}

/** Null for an entry that is none. */
type Reader = (text: string, distribution: Distribution) => Iterable<ImagePackage | null>;

const READERS: Readonly<Record<Manager, Reader>> = {
  dpkg: readDpkg,
  apk: readApk,
  npm: (text) => [readNpm(text)],
};

/** In every other state its files are there, or some of them: one that waits for triggers works. */
const NOT_THERE = /(?:^|\s)(?:not-installed|config-files)$/;

/** dpkg-query(1): stanzas of fields. A file of `status.d` has one without `Status`, for what is there is installed. */
function* readDpkg(text: string, { id, version: release }: Distribution) {
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(stanza)?.[1]?.trim();
    if (stanza.trim() === '' || NOT_THERE.test(field('Status') ?? '')) continue;
    const [, source = '', sourceVersion] = /^(\S+)(?:\s+\((.*)\))?$/.exec(field('Source') ?? '') ?? [];
    yield toPackage('deb', id ?? 'debian', field('Package'), field('Version'), {
      arch: field('Architecture'),
      distro: distroOf(id, release),
      upstream: sourceVersion === undefined ? source : `${source}@${sourceVersion}`,
    });
  }
}

/** apk-tools, its database: entries of one letter, a colon and the value. */
function* readApk(text: string, { id, version: release }: Distribution) {
  for (const entry of text.split(/\n\s*\n/)) {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(entry)?.[1]?.trim();
    if (entry.trim() === '') continue;
    const one = toPackage('apk', id ?? 'alpine', field('P'), field('V'), {
      arch: field('A'),
      distro: distroOf(id, release),
      upstream: field('o') === field('P') ? '' : field('o'),
    });
    const license = field('L') ?? '';
    yield one === null || license === '' || license.length > 1024 ? one : { ...one, license };
  }
}

function readNpm(text: string): ImagePackage | null {
  try {
    const { name, version, license } = JSON.parse(text);
    if (typeof name !== 'string' || typeof version !== 'string') return null;
    if (!/^(?:@[\w.~-]{1,214}\/)?[\w.~-]{1,214}$/.test(name) || !VERSION.test(version)) return null;
    return {
      ...{ ...namesOf(name, version), version },
      ...(typeof license === 'string' && license !== '' && license.length <= 1024
        ? { license: license.toWellFormed() }
        : {}),
    };
  } catch {
    return null;
  }
}

const NAME = /^[a-z0-9][\w.+-]{0,255}$/i;
const VERSION = /^[\w.+:~^-]{1,255}$/;
/** What stands in an address besides: with it an address is not longer than a bill may have one, every byte of it encoded. */
const QUALIFIER = /^[\w.+:~^@-]{1,300}$/;

/** https://github.com/package-url/purl-spec, types deb and apk; `upstream` is the source that advisories name. */
function toPackage(
  type: 'deb' | 'apk',
  namespace: string,
  name: string | undefined,
  version: string | undefined,
  more: Readonly<Record<string, string | undefined>>,
): ImagePackage | null {
  if (name === undefined || version === undefined || !NAME.test(name) || !VERSION.test(version)) return null;
  // Advisories name the source: without it nobody could say that they are not about the package.
  if ((more.upstream ?? '') !== '' && !QUALIFIER.test(more.upstream ?? '')) return null;
  const qualifiers = Object.entries(more).flatMap(([key, value = '']) =>
    QUALIFIER.test(value) ? [`${key}=${encode(value)}`] : [],
  );
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`;
  const purl = `pkg:${type}/${namespace}/${encode(name)}@${encode(version)}${query}`;
  return { purl, group: namespace, name, version };
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

function distroOf(id: string | null, version: string | null): string {
  return id === null ? '' : [id, ...(version === null ? [] : [version])].join('-');
}
