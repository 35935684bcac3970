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

const NAME = '(?:@[^/]+/)?(?!node_modules/)[^/@.][^/]*/';
/** Below a `node_modules`: of pnpm, and of npm with `install-strategy=linked`. Only one way through it, or it takes for ever. */
const STORE = String.raw`\.(?:pnpm|store)/(?:@[^/]+/)?(?!node_modules/)[^/]+/node_modules/`;
/** Of Yarn with `nodeLinker: pnpm`. */
const YARN_STORE = String.raw`\.store/[^/]+/`;

/** The manifest of an installed one, wherever package managers keep them; not what a package brings along, such as something to test with. */
export const NPM_MANIFEST = new RegExp(
  String.raw`^(?:(?!node_modules/)[^/]+/)*(?:node_modules/(?:${STORE})?${NAME})*node_modules/(?:${STORE}|${YARN_STORE})?${NAME}package\.json$`,
);

/** Of whatever may be a package, inside of others too; npm unpacks one with a shrinkwrap into its store itself. */
export const ANY_NPM_MANIFEST = new RegExp(
  String.raw`(?:^|/)node_modules/(?:\.store/(?:[^/]+/)?)?${NAME}package\.json$`,
);

/** Of the files of a tree those that are such manifests, by where the packages stand: `app/node_modules/a`. */
export function placesAmong(files: Iterable<string>, manifest: RegExp): ReadonlySet<string> {
  const manifests = [...files].filter((path) => manifest.test(path));
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
