// Containers: the files that a compose service names are in its tree, and its compose file runs no image but its own.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { componentKeyOf } from '../../../../shared/schema/common.ts';
import { escapesOf, findReplaceable, projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import { namesOf } from '../../../../shared/schema/drivers/images.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import { readCompose } from './compose-file.ts';
import { type Compose, findImageProblems, present } from './images.ts';
import { asWritten, DATA, fillKnown, problem, quote, TREE } from './problem.ts';
import type { TreeFacts } from './tree-facts.ts';

/** A compose file of more than this is read by the engine alone. */
export const MAX_COMPOSE_BYTES = 2 ** 20;

export function composeFile(service: CapabilityRelease['service'], tree: TreeFacts): TreeFile | null {
  if (service.driver !== 'compose') return null;
  const found = tree.at(service.file);
  return found.kind === 'file' ? found.file : null;
}

export function findComposeProblems(release: CapabilityRelease, tree: TreeFacts): readonly DocumentIssue[] {
  const { service } = release;
  if (service.driver !== 'compose') return [];
  const file = composeFile(service, tree);
  const text = file === null ? null : tree.head(file);
  return [
    ...present('service.file', service.file, tree),
    ...findImageProblems(service, tree),
    ...(text === null ? [] : textProblems(release, service, Buffer.from(text).toString())),
  ];
}

function textProblems(release: CapabilityRelease, service: Compose, text: string): readonly DocumentIssue[] {
  const own = new Set(service.images.flatMap(namesOf));
  const wrong = (found: string, expected: string, remedy: string) =>
    problem('service.file', `${service.file} ${found}`, expected, remedy);
  const read = readCompose(text, (name) => {
    const value = service.env[name];
    return value === undefined ? undefined : fillKnown(value, release.settings);
  });
  if (read.kind === 'unreadable') {
    return [wrong(`cannot be read: ${read.problem}`, 'a compose file', 'see: docker compose config')];
  }
  const services = Object.values(read.project.services);
  const images = services.flatMap(({ image }) => image ?? []);
  const component = componentKeyOf(release.suite, release.name);
  const around = { project: projectOf(component), tree: TREE, data: DATA };
  const escapes = escapesOf(read.project, around).filter(({ reach }) => reach === null);
  const replaceable = findReplaceable(read.project, around);
  return [
    ...[...new Set(images)]
      .filter((image) => !own.has(image))
      .map((image) => wrong(`runs the image ${quote(image)}`, OWN_IMAGES, foreignRemedy(image, own))),
    ...escapes.map(({ what }) => wrong(`is refused: ${asWritten(what)}`, CONFINED, remedyFor(what))),
    ...(replaceable === null
      ? []
      : [wrong(`is refused: ${asWritten(replaceable)}`, CONFINED, 'mount one of them')]),
    ...(services.length === 0 && read.isWhole
      ? [wrong('runs no image', OWN_IMAGES, 'name an image for its services')]
      : []),
  ];
}

const OWN_IMAGES = 'images of "service.images", each by its digest: image: "sha256:…"';
const CONFINED = 'nothing that leads out of its containers into the machine';

function remedyFor(what: string): string {
  return /\.build /.test(what)
    ? 'save the built image into the tree'
    : 'remove it: every install refuses it before anything stops';
}

function foreignRemedy(image: string, own: ReadonlySet<string>): string {
  if (image.startsWith('sha256:')) return 'add its archive and digest to service.images';
  const [only] = own.size === 1 ? own : [];
  return `write image: "${only ?? 'sha256:…'}", the digest in service.images: a tag is whatever the machine says it is`;
}
