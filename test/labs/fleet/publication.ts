// What a catalog is as the repository publishes it: documents under their paths, as the server's own rooms read them.
import type { DocumentRef } from '../../../agent/engine/repository/documents.ts';
import { targetName } from '../../../server/repository/names.ts';
import type { Published } from '../../../server/repository/state.ts';
import type { RepositoryStore, Tag } from '../../../server/repository/store.ts';
import type { Catalog, OrderedAdvisory, ScopedHalt } from '../../../shared/compile/releases.ts';
import { type Digest, digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import {
  advisoryPath,
  componentNameOf,
  haltPath,
  haltScopePath,
  orderTermsPath,
  refOf,
  releasePath,
  rolloutPath,
} from '../../../shared/schema/release-ref.ts';

export interface Publication extends Pick<RepositoryStore, 'read'> {
  readonly published: Published;
  /** Everything that is listed. */
  readonly documents: readonly DocumentRef[];
}

interface File extends DocumentRef {
  readonly bytes: Buffer;
}

const publications = new WeakMap<Catalog, Publication>();

/** Of one catalog always the same: thousands of installs are shown it. */
export function publicationOf(catalog: Catalog): Publication {
  const known = publications.get(catalog) ?? publish(catalog);
  publications.set(catalog, known);
  return known;
}

function publish(catalog: Catalog): Publication {
  const releases = catalog.releases.map(({ document, bytes }) => {
    const ref = refOf(document);
    const file = fileOf(releasePath(ref), Buffer.from(bytes));
    return { ...file, component: componentNameOf(ref), version: document.version };
  });
  const rollouts = catalog.rollouts.map((one) => fileOf(rolloutPath(one.track, one.release), one));
  const advisories = catalog.advisories.map(filesOfAdvisory);
  const halts = catalog.halts.flatMap(filesOfHalt);
  const files = [
    ...[...releases, ...rollouts, ...halts],
    ...advisories.flatMap(({ said, terms }) => (terms === undefined ? [said] : [said, terms])),
  ];
  const stored = new Map(files.map(({ path, sha256, bytes }) => [targetName(path, sha256), bytes]));
  return {
    documents: files,
    published: {
      ...{ signed: null, version: null, roles: [], expiries: [], mayHalt: true, releases, rollouts, halts },
      advisories: advisories.map(({ id, said, terms }) => ({
        ...{ ...said, id },
        ...(terms === undefined ? {} : { terms: terms.sha256 }),
      })),
    },
    async read(name) {
      const bytes = stored.get(name);
      return bytes === undefined ? null : { bytes, tag: name as Tag };
    },
  };
}

function filesOfAdvisory({ terms, ...said }: OrderedAdvisory) {
  const { id } = said;
  return {
    ...{ id, said: fileOf(advisoryPath(id), said) },
    terms: terms === undefined ? undefined : fileOf(orderTermsPath(id), terms),
  };
}

function filesOfHalt({ classes, ...halt }: ScopedHalt): readonly File[] {
  const { digest } = halt;
  const file = fileOf(haltPath(digest), halt);
  if (classes === undefined) return [file];
  const scope = { schema: 'fairlead/halt-scope@1', digest, classes };
  return [file, fileOf(haltScopePath(digest), scope)];
}

/** By which the guard knows a halt again. */
export function documentOf({ classes: _, ...halt }: ScopedHalt): Digest {
  return digestOf(bytesOf(halt));
}

function fileOf(path: string, content: object): File {
  const bytes = bytesOf(content);
  return { path, sha256: hexOf(digestOf(bytes)), length: bytes.length, bytes };
}

function bytesOf(content: object): Buffer {
  return Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
}
