// Containers: the files that a compose service names are in its tree, and its compose file runs no image but its own.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { componentKeyOf } from '../../../../shared/schema/common.ts';
import { escapesOf, findReplaceable, projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import { namesOf } from '../../../../shared/schema/drivers/images.ts';
import { solePartsOf } from '../../../../shared/schema/drivers/two-at-once.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import { type ReadCompose, readCompose } from './compose-file.ts';
import { type Compose, findImageProblems, present } from './images.ts';
import { findOnceProblems } from './once.ts';
import { asWritten, DATA, fillKnown, problem, quote, TREE } from './problem.ts';
import type { TreeFacts } from './tree-facts.ts';
import { findVolumeProblems } from './volumes.ts';

/** A compose file of more than this is read by the engine alone. */
export const MAX_COMPOSE_BYTES = 2 ** 20;

export function composeFile(service: CapabilityRelease['service'], tree: TreeFacts): TreeFile | null {
  if (service.driver !== 'compose') return null;
  const found = tree.at(service.file);
  return found.kind === 'file' ? found.file : null;
}

/** What it may include: a handful of small files, by their names alone. */
export function composeParts(service: CapabilityRelease['service'], tree: TreeFacts): readonly TreeFile[] {
  if (service.driver !== 'compose') return [];
  return tree
    .named(/\.ya?ml$/)
    .filter(({ size }) => size <= MAX_COMPOSE_BYTES)
    .slice(0, MOST_PARTS);
}

const MOST_PARTS = 64;

export function findComposeProblems(release: CapabilityRelease, tree: TreeFacts): readonly DocumentIssue[] {
  const { service } = release;
  if (service.driver !== 'compose') return [];
  const file = composeFile(service, tree);
  const text = file === null ? null : tree.head(file);
  return [
    ...present('service.file', service.file, tree),
    ...findImageProblems(service, tree),
    ...(text === null ? [] : textProblems(release, service, Buffer.from(text).toString(), tree)),
  ];
}

function textProblems(
  release: CapabilityRelease,
  service: Compose,
  text: string,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  const wrong = (found: string, expected: string, remedy: string) =>
    problem('service.file', `${service.file} ${found}`, expected, remedy);
  const read = readText(release, service, text);
  if (read.kind === 'unreadable') {
    return [wrong(`cannot be read: ${read.problem}`, 'a compose file', 'see: docker compose config')];
  }
  const { project, dormant } = read;
  const running = Object.entries(project.services).filter(([name]) => !dormant.has(name));
  const started = { ...project, services: Object.fromEntries(running) };
  const component = componentKeyOf(release.suite, release.name);
  const around = { project: projectOf(component), tree: TREE, data: DATA };
  const escapes = escapesOf(started, around).filter(({ reach }) => reach === null);
  const replaceable = findReplaceable(started, around);
  return [
    ...imageProblems(release, service, read, tree, wrong),
    ...findOnceProblems(service, project.services, read.isWhole),
    ...findVolumeProblems(release, service, started, read.isWhole),
    ...read.files.flatMap(({ where, path }) =>
      present('service.file', path, tree).map((one) => ({ ...one, found: `${where}: ${one.found}` })),
    ),
    ...escapes.map(({ what }) => wrong(`is refused: ${asWritten(what)}`, CONFINED, remedyFor(what))),
    ...(replaceable === null
      ? []
      : [wrong(`is refused: ${asWritten(replaceable)}`, CONFINED, 'mount one of them')]),
    ...soleProblems(release, service, { project: started, isWhole: read.isWhole }, wrong),
    ...(running.length === 0 && read.isWhole
      ? [wrong('runs no image', OWN_IMAGES, 'name an image for its services')]
      : []),
  ];
}

/** Two versions side by side: what only one of them could have, and volumes that nobody has. */
function soleProblems(
  { settings }: CapabilityRelease,
  { blueGreen }: Compose,
  { project, isWhole }: Pick<ReadCompose & { readonly kind: 'project' }, 'project' | 'isWhole'>,
  wrong: Wrong,
): readonly DocumentIssue[] {
  if (blueGreen === undefined) return [];
  const { volumes = [], slots } = blueGreen;
  const ports = [blueGreen.public, ...slots].map((name) => settings[name]?.default);
  const known = typeof ports[0] === 'number' ? ports.filter((port) => typeof port === 'number') : null;
  const parts = solePartsOf(project, volumes, isWhole ? known : null);
  const missing = volumes.filter((name) => isWhole && !Object.hasOwn(project.volumes, name));
  return [
    ...parts.map(({ what, remedy }) => wrong(`is refused: ${what}`, BESIDE, remedy)),
    ...missing.map((name) =>
      problem(
        'service.blueGreen.volumes',
        quote(name),
        'volumes of the compose file',
        'write its name as it stands under "volumes:"',
      ),
    ),
  ];
}

function readText(release: CapabilityRelease, service: Compose, text: string): ReadCompose {
  return readCompose(text, (name) => {
    const value = service.env[name];
    return value === undefined ? undefined : fillKnown(value, release.settings);
  });
}

type Wrong = (found: string, expected: string, remedy: string) => DocumentIssue;

/** In every profile and every file that it includes: whoever starts one by hand would have the engine fetch what a tag means by then. */
function imageProblems(
  release: CapabilityRelease,
  service: Compose,
  read: ReadCompose & { readonly kind: 'project' },
  tree: TreeFacts,
  wrong: Wrong,
): readonly DocumentIssue[] {
  const own = new Set(service.images.flatMap(namesOf));
  const included = read.files.flatMap(({ path, isIncluded }) => {
    const found = isIncluded ? tree.at(path) : null;
    const text = found?.kind === 'file' ? tree.head(found.file) : null;
    const other = text === null ? null : readText(release, service, Buffer.from(text).toString());
    return other?.kind === 'project' ? [other] : [];
  });
  const services = [read, ...included].flatMap(({ project }) => Object.entries(project.services));
  const dormant = new Set([...read.dormant, ...included.flatMap((one) => Object.keys(one.project.services))]);
  const images = new Set(services.flatMap(([, { image }]) => image ?? []));
  return [
    ...[...images]
      .filter((image) => !own.has(image))
      .map((image) => wrong(`runs the image ${quote(image)}`, OWN_IMAGES, foreignRemedy(image, own))),
    ...services
      .filter(([name, one]) => dormant.has(name) && one.build !== undefined && one.build !== null)
      .map(([name]) => wrong(`builds an image for its service ${quote(name)}`, OWN_IMAGES, BUILD_REMEDY)),
  ];
}

const OWN_IMAGES = 'images of "service.images", each by its digest or the name it has there';
const CONFINED = 'nothing that leads out of its containers into the machine';
const BESIDE = 'nothing that two versions side by side could not both have';
const BUILD_REMEDY =
  'write image: NAME in its place, save what was built, and give it to build: --image NAME=ARCHIVE';

function remedyFor(what: string): string {
  return /\.build /.test(what) ? BUILD_REMEDY : 'remove it: every install refuses it before anything stops';
}

function foreignRemedy(image: string, own: ReadonlySet<string>): string {
  if (image.startsWith('sha256:')) return 'add its archive and digest to service.images';
  const [only] = own.size === 1 ? own : [];
  const byDigest = `write image: "${only ?? 'sha256:…'}", the digest in service.images`;
  return `give it to build, --image ${image}=ARCHIVE or from its registry --image ${image}, or ${byDigest}: a tag is whatever the machine says it is`;
}
