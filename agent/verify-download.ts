// Whether a downloaded file is what a vendor released: asked of the vendor's signed repository, at a server or in a directory.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isAffected } from '../shared/compile/exposure.ts';
import { type Digest, hexOf } from '../shared/encoding/digest.ts';
import { FairleadError, isFairleadError, toDiskError } from '../shared/errors/error.ts';
import { readNamed } from '../shared/node/named-file.ts';
import { readPackIndex } from '../shared/node/pack-reader.ts';
import { componentKeyOf } from '../shared/schema/common.ts';
import type { CapabilityRelease } from '../shared/schema/release.ts';
import { maxPackBytes } from '../shared/tree/pack-format.ts';
import type { TreeIndex } from '../shared/tree/tree-index.ts';
import { compareVersions } from '../shared/version/version.ts';
import { readDigest } from './adapters/machine/file-digest.ts';
import { createDirectorySource } from './adapters/repository/directory-source.ts';
import { createHttpSource, repositoryUrls } from './adapters/repository/http-source.ts';
import { openTrustStore } from './adapters/repository/trust-store.ts';
import { createVerifyTargets } from './adapters/repository/verify-beside.ts';
import { createHttpClient } from './adapters/server/http-client.ts';
import { readNetwork } from './adapters/server/network.ts';
import { EXCHANGE_LIMITS } from './adapters/server/watch.ts';
import type { DownloadQuestion, VerifiedDownload } from './cli/context.ts';
import { createRepository } from './engine/repository/repository.ts';
import type { RepositorySource } from './ports/server.ts';

interface Source extends Pick<RepositorySource, 'metadata' | 'document'> {
  indexOf(release: CapabilityRelease): Promise<TreeIndex>;
}

/**
 * Trust begins with the root each time and ends with the answer: whoever must not be shown an older repository than
 * yesterday's looks at what it answers about the newest version. Errors: trust/*, transport/*, tree/*, file/missing, disk/*.
 */
export async function verifyDownload(question: DownloadQuestion): Promise<VerifiedDownload> {
  const work = await mkdtemp(join(tmpdir(), 'fairlead-verify-'));
  const http = createHttpClient(EXCHANGE_LIMITS, await readNetwork(question.stateDir, process.env));
  try {
    const isUrl = /^https?:\/\//.test(question.from);
    const source = isUrl ? atServer(question.from, http, work) : inDirectory(question.from);
    return await verifyAgainst(source, question, join(work, 'trust'));
  } finally {
    await http.close();
    await rm(work, { recursive: true, force: true });
  }
}

async function verifyAgainst(
  source: Source,
  question: DownloadQuestion,
  trust: string,
): Promise<VerifiedDownload> {
  const { files, component, root, at } = question;
  const repository = createRepository({
    openStore: () => openTrustStore(trust),
    source,
    initialRoot: await readNamed(root),
    // Documents of others that nobody can read take nothing from the one that is asked for.
    onWarning: () => undefined,
    verifyTargets: createVerifyTargets(),
  });
  const digests = await Promise.all(files.map((file) => readDigest(file).catch(named(file))));
  await repository.refresh(at);
  const { advisories, releases: all } = await repository.catalog();
  const releases = all
    .flatMap(({ document }) => (document.schema === 'fairlead/capability@1' ? [document] : []))
    .filter(({ suite, name }) => componentKeyOf(suite, name) === component)
    .toSorted((one, other) => compareVersions(other.version, one.version));
  const found = new Map<Digest, VerifiedDownload['files'][number]>();
  for (const release of releases) {
    if (digests.every((digest) => found.has(digest))) break;
    for (const entry of (await source.indexOf(release)).entries) {
      if (entry.kind !== 'file' || found.has(entry.digest)) continue;
      const { digest, path } = entry;
      const { version } = release;
      const concerned = advisories.filter((one) => !one.withdrawn && isAffected(one, component, version));
      found.set(digest, {
        ...{ file: path, digest, version, path },
        advisories: concerned.map(({ id }) => id),
      });
    }
  }
  return {
    expires: repository.freshness(at).expires,
    newest: releases[0]?.version ?? '',
    files: files.map((file, index) => {
      const one = found.get(digests[index] as Digest);
      if (one === undefined) throw new FairleadError('trust/not-released', { file, component });
      return { ...one, file };
    }),
  };
}

/** Errors: file/missing, disk/*. */
const named = (path: string) => (cause: NodeJS.ErrnoException) => {
  throw cause.code === 'ENOENT' ? new FairleadError('file/missing', { path }) : toDiskError(path, cause);
};

function inDirectory(from: string): Source {
  const { packFile, ...source } = createDirectorySource(resolve(from));
  return { ...source, indexOf: ({ tree }) => indexIn(packFile(hexOf(tree.digest)), tree.digest) };
}

/** A pack begins with its index: so much of it is fetched at first. */
const FIRST_BYTES = 256 * 1024;

function atServer(url: string, http: ReturnType<typeof createHttpClient>, work: string): Source {
  const source = createHttpSource(repositoryUrls(url), http);
  return {
    ...source,
    async indexOf({ tree }) {
      const file = join(work, `${hexOf(tree.digest)}.pack`);
      for (let enough = FIRST_BYTES; ; enough *= 8) {
        const isWhole = await fetchBeginning(source, tree, file, enough);
        const index = await indexIn(file, tree.digest).catch((error: unknown) => {
          if (isWhole || !isFairleadError(error, 'tree/pack-damaged')) throw error;
          return null;
        });
        if (index !== null) return index;
      }
    },
  };
}

/** Answers whether it is all of it. Errors: transport/*, disk/*. */
async function fetchBeginning(
  source: Pick<RepositorySource, 'pack'>,
  tree: CapabilityRelease['tree'],
  file: string,
  enough: number,
): Promise<boolean> {
  const has = new AbortController();
  const onProgress = (bytes: number) => {
    if (bytes >= enough) has.abort();
  };
  try {
    await source.pack(hexOf(tree.digest), file, {
      ...{ maxBytes: maxPackBytes(tree), onProgress, signal: has.signal },
    });
    return true;
  } catch (error) {
    if (!has.signal.aborted) throw error;
    return false;
  }
}

/** Errors: tree/*, file/missing, disk/*. */
async function indexIn(file: string, tree: Digest): Promise<TreeIndex> {
  const pack = await open(file).catch(named(file));
  try {
    return await readPackIndex(pack, tree);
  } finally {
    await pack.close();
  }
}
