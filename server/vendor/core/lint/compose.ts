// Containers: the files that a compose service names are in its tree, and its compose file runs no image but its own.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import { problem, quote } from './problem.ts';
import type { TreeFacts } from './tree-facts.ts';

/** A compose file of more than this is read by the engine alone. */
export const MAX_COMPOSE_BYTES = 2 ** 20;

type Compose = CapabilityRelease['service'] & { readonly driver: 'compose' };

export function composeFile(service: CapabilityRelease['service'], tree: TreeFacts): TreeFile | null {
  if (service.driver !== 'compose') return null;
  const found = tree.at(service.file);
  return found.kind === 'file' ? found.file : null;
}

export function findComposeProblems(
  { service }: CapabilityRelease,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  if (service.driver !== 'compose') return [];
  const file = composeFile(service, tree);
  const text = file === null ? null : tree.head(file);
  return [
    ...present('service.file', service.file, tree),
    ...service.images.flatMap(({ archive }, at) => present(`service.images.${at}.archive`, archive, tree)),
    ...duplicates(service),
    ...(text === null ? [] : textProblems(service, Buffer.from(text).toString())),
  ];
}

function present(path: string, file: string, tree: TreeFacts): readonly DocumentIssue[] {
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

function duplicates(service: Compose): readonly DocumentIssue[] {
  const digests = service.images.map(({ digest }) => digest);
  return digests.flatMap((digest, at) =>
    digests.indexOf(digest) === at
      ? []
      : [problem(`service.images.${at}.digest`, quote(digest), 'each image once', 'remove the second entry')],
  );
}

/** The value after `image:`, in block or flow style, quoted or not. */
const IMAGE = /(?:^|[\s{,])["']?image["']?\s*:\s*("[^"\n]*"|'[^'\n]*'|[^\s,}#][^,}#\n]*)/gm;
const BUILD = /^\s*(?:["']?build["']?\s*:)|[{,]\s*["']?build["']?\s*:/m;
const VARIABLE = /\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g;

function textProblems(service: Compose, text: string): readonly DocumentIssue[] {
  const lines = text.replace(/^\s*#.*$/gm, '');
  const own = new Set<string>(service.images.map(({ digest }) => digest));
  const named = [...lines.matchAll(IMAGE)].map(([, value = '']) => fill(unquote(value.trim()), service.env));
  const foreign = named.filter((image) => !image.includes('$') && !own.has(image));
  const expected = 'images of "service.images", each by its digest: image: "sha256:…"';
  return [
    ...[...new Set(foreign)].map((image) =>
      problem(
        'service.file',
        `${service.file} runs the image ${quote(image)}`,
        expected,
        foreignRemedy(image, own),
      ),
    ),
    ...(BUILD.test(lines)
      ? [
          problem(
            'service.file',
            `${service.file} builds an image`,
            expected,
            'save the built image into the tree',
          ),
        ]
      : []),
    ...(named.length === 0 && !/^\s*(?:include|extends)\s*:/m.test(lines)
      ? [problem('service.file', `${service.file} runs no image`, expected, 'name an image for its services')]
      : []),
  ];
}

function foreignRemedy(image: string, own: ReadonlySet<string>): string {
  if (image.startsWith('sha256:')) return 'add its archive and digest to service.images';
  const [only] = own.size === 1 ? own : [];
  return `write image: "${only ?? 'sha256:…'}", the digest in service.images: a tag is whatever the machine says it is`;
}

function unquote(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, '$2');
}

/** Compose's own variables, where the release says what they stand for as plain text. */
function fill(image: string, env: Compose['env']): string {
  return image.replace(VARIABLE, (token, braced?: string, bare?: string) => {
    const value = env[braced ?? bare ?? ''];
    return value === undefined || value.includes('${') ? token : value;
  });
}
