// Packages of npm, in a tree and in an image alike: where they stand, and what they are called in a bill of materials.

/** As a component of a bill has it. */
interface NpmNames {
  readonly purl: string;
  /** Its scope. */
  readonly group?: string;
  readonly name: string;
  readonly version?: string;
}

/** https://github.com/package-url/purl-spec, type npm: the scope is the namespace, its `@` encoded. */
export function namesOf(name: string, version: string | null): NpmNames {
  const [scope, own] = name.startsWith('@') ? name.split('/', 2) : [undefined, name];
  const path = name.split('/').map(encodeURIComponent).join('/');
  return {
    purl: `pkg:npm/${path}${version === null ? '' : `@${encodeURIComponent(version)}`}`,
    ...(scope === undefined ? {} : { group: scope }),
    name: own ?? name,
    ...(version === null ? {} : { version }),
  };
}

/** The manifest of an installed one; where pnpm keeps them too, not what a package brings along as something to test with. */
export const NPM_MANIFEST =
  /^(?:(?!node_modules\/)[^/]+\/)*(?:node_modules\/(?:\.pnpm\/[^/]+\/node_modules\/)?(?:@[^/]+\/)?[^/@.][^/]*\/)+package\.json$/;

/** Of the files of a tree those that are manifests of installed packages, by where these stand: `app/node_modules/a`. */
export function placesAmong(files: Iterable<string>): ReadonlySet<string> {
  const manifests = [...files].filter((path) => NPM_MANIFEST.test(path));
  return new Set(manifests.map((path) => path.slice(0, -manifestAt('').length)));
}

export function manifestAt(place: string): string {
  return `${place}/package.json`;
}

/** What stands at a place is called so, unless it says something else. */
export function nameAt(place: string): string {
  const inModules = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return place.includes('node_modules/') ? inModules : place.slice(place.lastIndexOf('/') + 1);
}
