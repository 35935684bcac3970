// A repository over HTTP: the one place where its files have addresses (TUF §6.2).
import { FairleadError } from '../../../shared/errors/error.ts';
import { packPath } from '../../../shared/protocol/publication.ts';
import { encodeSegment } from '../../core/repository-names.ts';
import type { RepositorySource } from '../../ports/server.ts';
import type { HttpAnswer, HttpClient } from '../server/http-client.ts';

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

export function createHttpSource(
  urls: RepositoryUrls,
  http: Pick<HttpClient, 'get'> & Partial<Pick<HttpClient, 'download'>>,
): RepositorySource {
  return {
    async metadata(file, { maxBytes, unless }) {
      const place = joinUrl(urls.metadata, file);
      const answer = await http.get(place, { maxBytes, ...(unless === undefined ? {} : { etag: unless }) });
      return answer.kind === 'missing' ? { ...answer, place } : answer;
    },
    async document(path, hash, maxBytes) {
      const url = joinUrl(urls.targets, targetUrlPath(path, hash));
      return present(url, await http.get(url, { maxBytes }));
    },
    async pack(treeHex, file, options) {
      await http.download?.(joinUrl(urls.packs, packPath(treeHex)), file, options);
    },
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
