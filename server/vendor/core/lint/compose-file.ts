// A compose file as its release alone shows it: parsed, filled as far as the release says with what, in the form of a resolved one.
import { parseAllDocuments } from 'yaml';
import { type ComposeProject, composeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { TREE } from './problem.ts';

export type ReadCompose =
  | {
      readonly kind: 'project';
      /** Its services in every profile. */
      readonly project: ComposeProject;
      /** Services that no install starts: those of profiles. */
      readonly dormant: ReadonlySet<string>;
      /** Nothing of it is said in other files. */
      readonly isWhole: boolean;
      readonly files: readonly NamedFile[];
    }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** A file of the tree that must be there. */
export interface NamedFile {
  /** Where it is named: `services.web.env_file`. */
  readonly where: string;
  readonly path: string;
  /** It is a compose file itself, and its services are part of this one. */
  readonly isIncluded: boolean;
}

/** Null stands for what only an install knows. */
export type Variables = (name: string) => string | null | undefined;

/** Stands in a text that only an install can fill: no rule judges what holds it. */
const UNKNOWN = '\uE000';

/** Aliases that multiply: more than anybody writes. */
const MOST_ALIASES = 100;

export function readCompose(text: string, variables: Variables): ReadCompose {
  const values = parse(text);
  if (typeof values === 'string') return { kind: 'unreadable', problem: values };
  const whole = merge(values.map((value) => fill(value, variables)));
  const services = objectsIn(whole.services);
  const parsed = composeProject.safeParse({
    services: Object.fromEntries(services.map(([name, one]) => [name, serviceOf(one)])),
    volumes: known(whole.volumes),
    networks: known(whole.networks),
    secrets: filesOf(whole.secrets),
    configs: filesOf(whole.configs),
  });
  if (!parsed.success) return { kind: 'unreadable', problem: 'it is no compose file' };
  const isWhole = whole.include === undefined && services.every(([, one]) => one.extends === undefined);
  const dormant = services.filter(([, one]) => !isEmptyList(one.profiles)).map(([name]) => name);
  const files = namedFiles(whole, services);
  return { kind: 'project', project: parsed.data, dormant: new Set(dormant), isWhole, files };
}

function namedFiles(whole: Values, services: readonly (readonly [string, Values])[]): readonly NamedFile[] {
  const named = (where: string, value: unknown, isIncluded = false): readonly NamedFile[] =>
    pathsIn(value).flatMap((path) => {
      const place = isKnown(path) ? placed(path) : '';
      if (!place.startsWith(`${TREE}/`) || `${place}/`.includes('/../')) return [];
      return [{ where, path: place.slice(TREE.length + 1), isIncluded }];
    });
  return [
    ...named('include', whole.include, true),
    ...services.flatMap(([name, one]) => [
      ...named(`services.${name}.env_file`, one.env_file),
      ...named(`services.${name}.extends`, isValues(one.extends) ? one.extends.file : undefined),
    ]),
    ...(['configs', 'secrets'] as const).flatMap((kind) =>
      objectsIn(whole[kind]).flatMap(([name, one]) => named(`${kind}.${name}.file`, one.file)),
    ),
  ];
}

/** `a`, `[a, b]`, `{path: a}`, `[{path: [a, b]}]`; not those that may be missing. */
function pathsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(pathsIn);
  return isValues(value) && value.required !== false ? pathsIn(value.path) : [];
}

type Values = Readonly<Record<string, unknown>>;

function parse(text: string): readonly unknown[] | string {
  try {
    const documents = [...parseAllDocuments(text, { merge: true })];
    const [error] = documents.flatMap(({ errors }) => errors);
    if (error !== undefined) return error.message.split('\n')[0] ?? 'it is no YAML';
    return documents.map((document) => document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown);
  } catch {
    return 'its aliases multiply without end';
  }
}

/** Of several documents, the later ones add to the earlier. */
function merge(documents: readonly unknown[]): Values {
  const merged: Record<string, unknown> = {};
  for (const document of documents.filter(isValues)) {
    for (const [key, value] of Object.entries(document)) {
      const before = merged[key];
      merged[key] = isValues(before) && isValues(value) ? { ...before, ...value } : value;
    }
  }
  return merged;
}

/** As compose reads `$$`, `$NAME`, `${NAME}`, `${NAME:-default}` and the like. */
const VARIABLE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^{}]*))?\})/g;

function fill(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') {
    return value.replace(VARIABLE, (token, bare?: string, braced?: string, how = '', other = '') => {
      if (token === '$$') return '$';
      const found = variables(bare ?? braced ?? '');
      // What is not given may stand in the environment of the machine.
      if (found === null || (found === undefined && !how.endsWith('-'))) return UNKNOWN;
      if (how.endsWith('+')) return other;
      return found === undefined || (found === '' && how === ':-') ? other : found;
    });
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, variables));
  if (!isValues(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, variables)]));
}

function serviceOf(one: Values): Values {
  const { volumes, ...rest } = known(one);
  const ports = Array.isArray(one.ports) ? { ports: one.ports.map(portOf) } : {};
  const all = { ...rest, ...ports };
  return Array.isArray(volumes) ? { ...all, volumes: volumes.filter(isKnown).map(mountOf) } : all;
}

/** Both ways to write one: `127.0.0.1:8080:80/tcp`, and in words. What only an install knows is no number. */
function portOf(written: unknown): unknown {
  if (isValues(written)) return written;
  const [address = '', protocol = 'tcp'] = String(written).split('/');
  const published = address.split(':').at(-2);
  return published === undefined ? { protocol } : { published, protocol };
}

/** Both ways to write one: `./conf:/etc/conf:ro`, and in words. */
function mountOf(written: unknown): unknown {
  if (isValues(written)) {
    const { source } = written;
    return written.type === 'bind' && typeof source === 'string'
      ? { ...written, source: placed(source) }
      : { ...written, type: written.type ?? 'volume' };
  }
  const [first = '', target, mode = ''] = String(written).split(':');
  if (target === undefined) return { type: 'volume' };
  if (!/^[./~]/.test(first)) return { type: 'volume', source: first };
  return { type: 'bind', source: placed(first), read_only: mode.split(',').includes('ro') };
}

/** Where a path starts from: the release's tree. What climbs keeps its dots, and lies nowhere that is allowed. */
function placed(path: string): string {
  if (path.startsWith('/')) return path;
  return path === '.' ? TREE : `${TREE}/${path.replace(/^(?:\.\/)+/, '')}`.replace(/\/+$/, '');
}

function filesOf(written: unknown): Values {
  return Object.fromEntries(
    objectsIn(written).map(([name, one]) => [
      name,
      typeof one.file === 'string' ? { ...known(one), file: placed(one.file) } : known(one),
    ]),
  );
}

function known(value: unknown): Values {
  return isValues(value) ? Object.fromEntries(Object.entries(value).filter(([, one]) => isKnown(one))) : {};
}

function isKnown(value: unknown): boolean {
  return !JSON.stringify(value ?? null).includes(UNKNOWN);
}

function objectsIn(value: unknown): readonly (readonly [string, Values])[] {
  if (!isValues(value)) return [];
  return Object.entries(value).map(([name, one]) => [name, isValues(one) ? one : {}]);
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmptyList(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
