// The images of a compose service: each once, and the bytes of those that are in no registry in the tree, all of them.
import type { Digest } from '../../../../shared/encoding/digest.ts';
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { blobPath, digestOfImage } from '../../../../shared/schema/drivers/images.ts';
import { imageConfig, readImageDocument } from '../../../../shared/schema/image-documents.ts';
import { platformOf, runsOn } from '../../../../shared/schema/image-platform.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import { problem, quote } from './problem.ts';
import type { TreeFacts } from './tree-facts.ts';

export type Compose = CapabilityRelease['service'] & { readonly driver: 'compose' };
type Image = Compose['images'][number];

/** Of the images that are laid out, what says which layers they have. */
export function imageConfigs(service: CapabilityRelease['service'], tree: TreeFacts): readonly TreeFile[] {
  if (service.driver !== 'compose') return [];
  return service.images.flatMap((image) => {
    const file = 'layout' in image ? blobIn(tree, image.layout, image.digest) : null;
    return file ?? [];
  });
}

/** Those that come as one file each. */
export function imageArchives(service: CapabilityRelease['service'], tree: TreeFacts): readonly TreeFile[] {
  if (service.driver !== 'compose') return [];
  return service.images.flatMap((image) => {
    const found = 'archive' in image ? tree.at(image.archive) : null;
    return found?.kind === 'file' ? found.file : [];
  });
}

export function findImageProblems({ images }: Compose, tree: TreeFacts): readonly DocumentIssue[] {
  return [
    ...images.flatMap((image, at) => {
      const path = `service.images.${at}`;
      if ('ref' in image) return [];
      if ('archive' in image) return archiveProblems(path, image, tree);
      return layoutProblems(path, image, tree);
    }),
    ...mixed(images, tree),
    ...repeated(images, 'digest', 'each image once'),
    ...repeated(images, 'name', 'one image under each name'),
  ];
}

/** A file that a release names, and that has anything in it. */
export function present(path: string, file: string, tree: TreeFacts): readonly DocumentIssue[] {
  const found = tree.at(file);
  if (found.kind === 'file' && found.file.size > 0) return [];
  const near = tree.near(file);
  const how =
    found.kind === 'missing'
      ? 'which is not in the tree'
      : found.kind === 'file'
        ? 'which is empty'
        : 'a directory';
  const remedy = `add it to the directory you build from${near === null ? '' : `, or did you mean "${near}"?`}`;
  return [problem(path, `${quote(file)}, ${how}`, 'a file of the tree', remedy)];
}

function archiveProblems(
  path: string,
  { archive, digest }: Extract<Image, { readonly archive: string }>,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  const found = tree.at(archive);
  const held = found.kind === 'file' ? tree.images(found.file) : null;
  if (held === null) return present(`${path}.archive`, archive, tree);
  const wrong = (what: string, remedy: string) =>
    problem(`${path}.archive`, `${quote(archive)}, ${what}`, `an archive with the image ${digest}`, remedy);
  if (typeof held === 'string') return [wrong(held, `write it anew: docker save --output FILE ${digest}`)];
  const ids = held.flatMap((one) => one.ids);
  if (ids.includes(digest)) return [];
  return [wrong(`which holds ${ids.join(', ')}`, 'write the digest of the image that it holds')];
}

function layoutProblems(
  path: string,
  { layout, digest }: Extract<Image, { readonly layout: string }>,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  const wrong = (found: string) =>
    problem(`${path}.layout`, found, 'a layout that `build --image` wrote', REMEDY);
  const config = blobIn(tree, layout, digest);
  if (config === null) return [wrong(`${quote(layout)}, which does not hold ${digest}`)];
  const head = tree.head(config);
  if (head === null) return [];
  const layers = readImageDocument(imageConfig, head)?.rootfs.diff_ids ?? null;
  if (layers === null) return [wrong(`${digest} in ${quote(layout)}, which is no configuration of an image`)];
  const missing = layers.filter((layer) => blobIn(tree, layout, layer) === null);
  return missing.slice(0, 1).map((layer) => wrong(`${quote(layout)}, which lacks the layer ${layer}`));
}

/** No machine runs a release whose images are for different ones. Of those in a registry each install finds its own. */
function mixed(images: readonly Image[], tree: TreeFacts): readonly DocumentIssue[] {
  const all = images.flatMap((image, at) => {
    const platform = platformIn(image, tree);
    return platform === null ? [] : [{ image, at, platform }];
  });
  if (all.some(({ platform: machine }) => all.every(({ platform }) => runsOn(platform, machine)))) return [];
  const [first, ...others] = all;
  const other = others.find(({ platform }) => first !== undefined && !runsOn(platform, first.platform));
  if (first === undefined || other === undefined) return [];
  const label = ({ image }: typeof first) => quote(image.name ?? digestOfImage(image));
  const found = `${label(other)} for ${other.platform}, beside ${label(first)} for ${first.platform}`;
  const remedy = 'bring all of them for one, and release another capability for the other machines';
  return [problem(`service.images.${other.at}`, found, 'images for the same machines', remedy)];
}

function platformIn(image: Image, tree: TreeFacts): string | null {
  if ('ref' in image) return null;
  if ('archive' in image) {
    const found = tree.at(image.archive);
    const held = found.kind === 'file' ? tree.images(found.file) : null;
    const own = typeof held === 'string' ? undefined : held?.find(({ ids }) => ids.includes(image.digest));
    return own === undefined ? null : platformOf(own.platform);
  }
  const config = blobIn(tree, image.layout, image.digest);
  const head = config === null ? null : tree.head(config);
  return head === null ? null : platformOf(readImageDocument(imageConfig, head) ?? {});
}

const REMEDY = 'leave the entry out, and name the image to build: --image NAME=ARCHIVE';

/** Its name says what it holds: so must the tree. */
function blobIn(tree: TreeFacts, layout: string, digest: Digest): TreeFile | null {
  const found = tree.at(`${layout}/${blobPath(digest)}`);
  return found.kind === 'file' && found.file.digest === digest ? found.file : null;
}

function repeated(
  images: readonly Image[],
  key: 'digest' | 'name',
  expected: string,
): readonly DocumentIssue[] {
  const values = images.map((image) => (key === 'digest' ? digestOfImage(image) : image.name));
  return values.flatMap((value, at) =>
    value === undefined || values.indexOf(value) === at
      ? []
      : [problem(`service.images.${at}.${key}`, quote(value), expected, 'remove the second entry')],
  );
}
