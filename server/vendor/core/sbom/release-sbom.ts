// The bill of materials of a release: the component itself, the packages and images in its tree, and how they hang together.

import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import { digestOfImage } from '../../../../shared/schema/drivers/images.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../../shared/schema/release-ref.ts';
import { formatSbom, parseSbom } from '../../../../shared/schema/sbom.ts';
import type { TreeIndex } from '../../../../shared/tree/tree-index.ts';
import type { ImageContents } from './image-packages.ts';
import { collectNpmParts, type TreeLock, toLicense } from './npm-parts.ts';

/** `contents` are of its images, by their digests. Null where nothing in the tree says what it is made of. */
export function createSbom(
  release: CapabilityRelease,
  index: TreeIndex,
  locks: readonly TreeLock[],
  contents: ReadonlyMap<Digest, ImageContents | string> = new Map(),
): (ReturnType<typeof formatSbom> & { readonly unlisted: readonly string[] }) | null {
  const images = imagesOf(release, index, contents);
  if (locks.length === 0 && images.length === 0) return null;
  const npm = collectNpmParts(locks, new Set(index.entries.map(({ path }) => path)));
  const root = formatRef(refOf(release));
  const direct = [...npm.roots, ...images.map((image) => image['bom-ref'] as string)].toSorted();
  const dependencies = [
    { ref: root, dependsOn: direct },
    ...npm.components.map((component) => {
      const ref = component['bom-ref'] as string;
      return { ref, dependsOn: [...(npm.needs.get(ref) ?? [])].toSorted() };
    }),
    ...images.map((image) => ({ ref: image['bom-ref'] as string })),
  ];
  const made = formatSbom({
    metadata: {
      lifecycles: [{ phase: 'build' }],
      tools: { components: [{ type: 'application', name: 'fairlead-vendor' }] },
      component: toComponent(release),
    },
    components: [...npm.components, ...images],
    dependencies,
    // Of packages alone: what was copied into a tree or an image by hand is in no list of anybody's. Each image has its own.
    compositions: [
      { aggregate: npm.unlisted.length === 0 ? 'complete' : 'incomplete', dependencies: [root] },
      ...images.map((image) => ({
        aggregate: 'components' in image ? 'incomplete' : 'unknown',
        assemblies: [image['bom-ref'] as string],
      })),
    ],
  });
  return { ...made, unlisted: npm.unlisted };
}

type Contents = ReadonlyMap<Digest, ImageContents | string>;

/** One that can be read again, of fewer packages where there are too many of them; or what is wrong with it. */
export function createReadableSbom(
  release: CapabilityRelease,
  index: TreeIndex,
  locks: readonly TreeLock[],
  contents: Contents,
): { readonly made: ReturnType<typeof createSbom> | string; readonly listed: Contents } {
  let listed = contents;
  for (;;) {
    const made = createSbom(release, index, locks, listed);
    try {
      if (made !== null) parseSbom(made.bytes, 'the bill of materials');
      return { made, listed };
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      const fewer = withFewer(listed);
      if (fewer === null) return { made: error.message, listed };
      listed = fewer;
    }
  }
}

/** Half of the longest list; null where none has any. */
function withFewer(contents: Contents): Contents | null {
  const [longest] = [...contents]
    .flatMap(([digest, one]) => (typeof one === 'string' ? [] : [{ digest, ...one }]))
    .toSorted((a, b) => b.packages.length - a.packages.length);
  if (longest === undefined || longest.packages.length === 0) return null;
  const { digest, packages, managers, unread } = longest;
  const most = packages.length >> 1;
  const others = unread.filter((one) => !one.startsWith(BEYOND));
  const told = [...others, `${BEYOND} ${most}`];
  return new Map([...contents, [digest, { packages: packages.slice(0, most), managers, unread: told }]]);
}

const BEYOND = 'packages beyond';

/** A release as an entry of a bill, its files by the digest of their index. */
export function toComponent(release: CapabilityRelease): JsonObject {
  const ref = formatRef(refOf(release));
  const { suite, name, version, tree, change } = release;
  return {
    type: 'application',
    'bom-ref': ref,
    group: suite,
    name,
    version,
    purl: `pkg:generic/${suite}/${name}@${encodeURIComponent(version)}`,
    properties: [
      { name: 'fairlead:tree', value: tree.digest },
      { name: 'fairlead:revision', value: change.revision },
    ],
  };
}

/** By the digest of the image, and that of its archive where it came as one file. */
function imagesOf(
  { service }: CapabilityRelease,
  index: TreeIndex,
  contents: ReadonlyMap<Digest, ImageContents | string>,
): readonly JsonObject[] {
  if (service.driver !== 'compose') return [];
  const files = new Map(
    index.entries.flatMap((entry) => (entry.kind === 'file' ? [[entry.path, entry.digest]] : [])),
  );
  const images = service.images.map((image) => {
    const digest = digestOfImage(image);
    const file = 'archive' in image ? files.get(image.archive) : undefined;
    return {
      type: 'container',
      'bom-ref': `image:${digest}`,
      name: image.name ?? ('archive' in image ? image.archive : digest),
      version: digest,
      ...(file === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: hexOf(file) }] }),
      ...insideOf(`image:${digest}`, contents.get(digest) ?? 'nobody looked'),
    };
  });
  return [...new Map(images.map((image) => [image['bom-ref'], image])).values()];
}

/** The packages in it, or that they are not known: an image of which nothing is told is not one that has none. */
function insideOf(ref: string, contents: ImageContents | string): JsonObject {
  const said = (value: string) => [{ name: 'fairlead:packages', value }];
  if (typeof contents === 'string') return { properties: said(`unknown: ${contents}`) };
  const { packages, managers, unread } = contents;
  const by = managers.length === 0 ? 'unknown: it has no list that is read' : `by ${managers.join(', ')}`;
  const components = packages.map(({ license, ...one }) => ({
    ...{ type: 'library', 'bom-ref': `${ref}/${one.purl}`, ...one },
    ...(license === undefined ? {} : { licenses: [toLicense(license)] }),
  }));
  return {
    properties: [...said(by), ...unread.flatMap((one) => said(`unknown: ${one}`))],
    ...(components.length === 0 ? {} : { components }),
  };
}
