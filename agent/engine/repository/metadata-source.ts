// Which metadata files are asked for, and how much of each is read at most: TUF §5 and §6.2.
import { FairleadError } from '../../../shared/errors/error.ts';
import { differenceName, maxDifferenceBytes } from '../../../shared/trust/difference.ts';
import { type FileMeta, MAX_METADATA_BYTES } from '../../../shared/trust/metadata.ts';
import { ROOT_FILE, roleFile, SNAPSHOT_FILE, TIMESTAMP_FILE } from '../../core/repository-names.ts';
import type { MetadataAnswer, RepositorySource } from '../../ports/server.ts';

/** A body with what the source calls this version of it. */
export interface Timed {
  readonly bytes: Uint8Array;
  readonly etag: string | null;
}

export interface MetadataSource {
  /** Null when there is no such version: the trusted root is the newest. */
  root(version: number): Promise<Uint8Array | null>;
  /** Null when the source still has what `unless` names. */
  timestamp(unless: string | null): Promise<Timed | null>;
  snapshot(meta: FileMeta, isConsistent: boolean): Promise<Uint8Array>;
  targets(role: string, meta: FileMeta, isConsistent: boolean): Promise<Uint8Array>;
  /** What makes that file of an older one, as somebody says; null where nobody does. Errors: transport/*. */
  difference(
    role: string,
    from: number,
    meta: FileMeta & { readonly length: number },
  ): Promise<Uint8Array | null>;
}

/** Errors: transport/*. */
export function createMetadataSource(source: Pick<RepositorySource, 'metadata'>): MetadataSource {
  // Whoever holds the online keys may sign any length.
  const fetchFile = async (file: string, meta: FileMeta, isConsistent: boolean, cap: number) => {
    const name = isConsistent ? `${meta.version}.${file}` : file;
    return present(name, await source.metadata(name, { maxBytes: Math.min(meta.length ?? cap, cap) }));
  };
  return {
    async root(version) {
      const name = `${version}.${ROOT_FILE}`;
      const answer = await source.metadata(name, { maxBytes: MAX_METADATA_BYTES.root });
      return answer.kind === 'missing' ? null : present(name, answer);
    },
    async timestamp(unless) {
      const maxBytes = MAX_METADATA_BYTES.timestamp;
      const answer = await source.metadata(
        TIMESTAMP_FILE,
        unless === null ? { maxBytes } : { maxBytes, unless },
      );
      if (unless !== null && answer.kind === 'not-modified') return null;
      const bytes = present(TIMESTAMP_FILE, answer);
      return { bytes, etag: answer.kind === 'body' ? answer.etag : null };
    },
    snapshot: (meta, isConsistent) =>
      fetchFile(SNAPSHOT_FILE, meta, isConsistent, MAX_METADATA_BYTES.snapshot),
    targets: (role, meta, isConsistent) =>
      fetchFile(roleFile(role), meta, isConsistent, MAX_METADATA_BYTES.targets),
    async difference(role, from, { version, length }) {
      const name = differenceName(from, version, roleFile(role).replace(/\.json$/, ''));
      const maxBytes = maxDifferenceBytes(length);
      const answer = await source.metadata(name, { maxBytes });
      return answer.kind === 'body' ? answer.bytes : null;
    },
  };
}

/** The body, where an answer without one is a refusal. Error: transport/refused. */
function present(file: string, answer: MetadataAnswer): Uint8Array {
  if (answer.kind === 'body') return answer.bytes;
  const { place, status } = answer.kind === 'missing' ? answer : { place: file, status: 304 };
  throw new FairleadError('transport/refused', {
    ...{ url: place, status, problem: 'signed metadata lists this file' },
  });
}
