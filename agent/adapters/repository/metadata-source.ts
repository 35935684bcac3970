// Where metadata is downloaded from: file names and byte caps of TUF §5 and §6.2.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { FileMeta } from '../../../shared/trust/metadata.ts';
import type { HttpAnswer, HttpClient } from '../server/http-client.ts';
import { joinUrl, roleFile } from './names.ts';

const KIB = 1024;
/** What is read at most, whatever a list says: whoever holds the online keys may sign any length. */
const MAX_BYTES = {
  root: 512 * KIB,
  timestamp: 16 * KIB,
  snapshot: 2 * KIB * KIB,
  targets: 32 * KIB * KIB,
} as const;

/** A body with what the server calls this version of it. */
export interface Timed {
  readonly bytes: Uint8Array;
  readonly etag: string | null;
}

export interface MetadataSource {
  /** Null when there is no such version: the trusted root is the newest. */
  root(version: number): Promise<Uint8Array | null>;
  timestamp(): Promise<Timed>;
  /** Null when the server still has what `etag` names. */
  timestampUnless(etag: string): Promise<Timed | null>;
  snapshot(meta: FileMeta, isConsistent: boolean): Promise<Uint8Array>;
  targets(role: string, meta: FileMeta, isConsistent: boolean): Promise<Uint8Array>;
}

/** `url` is the directory of the metadata. Errors: transport/*. */
export function createMetadataSource(url: string, http: Pick<HttpClient, 'get'>): MetadataSource {
  const timestampUrl = joinUrl(url, 'timestamp.json');
  const timed = (answer: HttpAnswer): Timed => ({
    bytes: present(timestampUrl, answer),
    etag: answer.kind === 'body' ? answer.etag : null,
  });
  const fetchFile = async (file: string, meta: FileMeta, isConsistent: boolean, maxBytes: number) => {
    const at = joinUrl(url, isConsistent ? `${meta.version}.${file}` : file);
    return present(at, await http.get(at, { maxBytes: Math.min(meta.length ?? maxBytes, maxBytes) }));
  };
  return {
    async root(version) {
      const at = joinUrl(url, `${version}.root.json`);
      const answer = await http.get(at, { maxBytes: MAX_BYTES.root });
      return answer.kind === 'missing' ? null : present(at, answer);
    },
    timestamp: async () => timed(await http.get(timestampUrl, { maxBytes: MAX_BYTES.timestamp })),
    async timestampUnless(etag) {
      const answer = await http.get(timestampUrl, { maxBytes: MAX_BYTES.timestamp, etag });
      return answer.kind === 'not-modified' ? null : timed(answer);
    },
    snapshot: (meta, isConsistent) => fetchFile('snapshot.json', meta, isConsistent, MAX_BYTES.snapshot),
    targets: (role, meta, isConsistent) => fetchFile(roleFile(role), meta, isConsistent, MAX_BYTES.targets),
  };
}

/** The body, where an answer without one is a refusal. Error: transport/refused. */
export function present(url: string, answer: HttpAnswer): Uint8Array {
  switch (answer.kind) {
    case 'body':
      return answer.bytes;
    case 'missing':
      throw notServed(url, answer.status);
    case 'not-modified':
      throw notServed(url, 304);
  }
}

function notServed(url: string, status: number): FairleadError {
  return new FairleadError('transport/refused', { url, status, problem: 'signed metadata lists this file' });
}
