// A repository over HTTP: the one place where its files have addresses (TUF §6.2).
import { hexOf } from '../../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { MAX_PATCH_LIST_BYTES, parsePatchList, patchListPath } from '../../../shared/protocol/patches.ts';
import { packPath, patchPath, sbomPath } from '../../../shared/protocol/publication.ts';
import type { SbomRef } from '../../../shared/schema/sbom.ts';
import { verifyFile } from '../../../shared/trust/target.ts';
import { encodeSegment } from '../../core/repository-names.ts';
import type { Clock } from '../../ports/machine.ts';
import type { RepositorySource } from '../../ports/server.ts';
import { type EnrolmentFile, readIdentity } from '../server/enrolment-file.ts';
import type { HttpAnswer, HttpClient } from '../server/http-client.ts';
import { signToken } from '../server/server-channel.ts';

export interface RepositoryUrls {
  /** The directory of the metadata. */
  readonly metadata: string;
  /** The directory of the targets. */
  readonly targets: string;
  /** What the paths of packs follow. */
  readonly packs: string;
}

/** Where our own server has its repository. */
export function repositoryUrls(server: string): RepositoryUrls {
  const base = joinUrl(server, 'repository');
  return { metadata: joinUrl(base, 'metadata'), targets: joinUrl(base, 'targets'), packs: base };
}

/** The repository of the server that this install belongs to: where that asks who fetches, its key answers. */
export function createEnrolledSource(
  { server, instance }: Pick<EnrolmentFile, 'server' | 'instance'>,
  { stateDir, clock, http }: { readonly stateDir: string; readonly clock: Clock; readonly http: HttpClient },
): RepositorySource {
  const identity = () => readIdentity(stateDir, instance);
  return createHttpSource(repositoryUrls(server), http, () => signToken({ instance, clock, identity }, null));
}

/** `credential` makes what stands behind `Bearer`; without it a server that asks for one is told nothing. */
export function createHttpSource(
  urls: RepositoryUrls,
  http: Pick<HttpClient, 'get'> & Partial<Pick<HttpClient, 'download'>>,
  credential?: () => Promise<string>,
): RepositorySource {
  const admitted = createAdmitted(credential);
  return {
    async metadata(file, { maxBytes, unless }) {
      const place = joinUrl(urls.metadata, file);
      const answer = await http.get(place, { maxBytes, ...(unless === undefined ? {} : { etag: unless }) });
      return answer.kind === 'missing' ? { ...answer, place } : answer;
    },
    async document(path, hash, maxBytes) {
      const url = joinUrl(urls.targets, targetUrlPath(path, hash));
      return present(url, await admitted((authorization) => http.get(url, { maxBytes, authorization })));
    },
    async pack(treeHex, file, options) {
      const url = joinUrl(urls.packs, packPath(treeHex));
      await admitted(async (authorization) => http.download?.(url, file, { ...options, authorization }));
    },
    async sbom(treeHex, sbomHex, maxBytes) {
      const url = joinUrl(urls.packs, sbomPath(treeHex, sbomHex));
      const answer = await admitted((authorization) => http.get(url, { maxBytes, authorization }));
      return answer.kind === 'body' ? answer.bytes : null;
    },
    async patches(treeHex, signal) {
      const url = joinUrl(urls.packs, patchListPath(treeHex));
      const options = { maxBytes: MAX_PATCH_LIST_BYTES, signal };
      const answer = await admitted((authorization) => http.get(url, { ...options, authorization }));
      return answer.kind === 'body' ? parsePatchList(answer.bytes, url) : null;
    },
    async patch({ treeHex, fromHex }, file, options) {
      const url = joinUrl(urls.packs, patchPath(treeHex, fromHex));
      await admitted(async (authorization) => http.download?.(url, file, { ...options, authorization }));
    },
  };
}

/** A bill of materials from the first of several places that has what was signed. Errors: those of the last place, transport/refused where none has it. */
export async function fetchSbom(
  places: readonly Pick<RepositorySource, 'sbom'>[],
  treeHex: string,
  { digest, bytes: length }: SbomRef,
): Promise<Uint8Array> {
  const sbomHex = hexOf(digest);
  const path = sbomPath(treeHex, sbomHex);
  let failure = new FairleadError('transport/refused', {
    ...{ url: path, status: 404, problem: 'nobody has the bill of materials that was signed' },
  });
  for (const place of places) {
    try {
      const bytes = await place.sbom(treeHex, sbomHex, length);
      if (bytes === null) continue;
      verifyFile(bytes, { length, hashes: new Map([['sha256', sbomHex]]) }, path);
      return bytes;
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      failure = error as typeof failure;
    }
  }
  throw failure;
}

/** A server that gives its files to everybody never sees the credential; one that asked once is shown it from then on. */
function createAdmitted(credential: (() => Promise<string>) | undefined) {
  let isAsked = false;
  return async <Result>(ask: (authorization?: string) => Promise<Result>): Promise<Result> => {
    if (credential === undefined) return ask();
    if (!isAsked) {
      try {
        return await ask();
      } catch (error) {
        if (!isFairleadError(error, 'transport/refused') || error.data.status !== 401) throw error;
        isAsked = true;
      }
    }
    return ask(`Bearer ${await credential()}`);
  };
}

export function joinUrl(base: string, path: string): string {
  return base.endsWith('/') ? base + path : `${base}/${path}`;
}

/**
 * TUF §6.2: `dir/name` is served as `dir/HASH.name` in consistent snapshots. Dots climb in URLs however they are
 * encoded. Error: trust/misplaced.
 */
export function targetUrlPath(path: string, hash: string | null): string {
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) {
    throw new FairleadError('trust/misplaced', { path, problem: 'a path may not climb' });
  }
  const parts = path.split('/').map(encodeSegment);
  const last = parts.pop() ?? '';
  return [...parts, hash === null ? last : `${hash}.${last}`].join('/');
}

/** The body, where an answer without one is a refusal. */
function present(url: string, answer: HttpAnswer): Uint8Array {
  if (answer.kind === 'body') return answer.bytes;
  const status = answer.kind === 'missing' ? answer.status : 304;
  throw new FairleadError('transport/refused', { url, status, problem: 'signed metadata lists this file' });
}
