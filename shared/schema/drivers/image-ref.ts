// References to images in registries, as docker reads them: which registry, which repository, which tag or digest.
import { z } from 'zod';
import { DIGEST_PATTERN, type Digest } from '../../encoding/digest.ts';

export interface ImageRef {
  /** With its port, where it has one; never empty. */
  readonly host: string;
  readonly repository: string;
  /** `latest` where neither is written. */
  readonly tag: string | null;
  readonly digest: Digest | null;
}

const HOST = /^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|\[[0-9a-f:.]+\])(?::\d{1,5})?$|^[a-z0-9-]+:\d{1,5}$/i;
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const MOST_CHARACTERS = 512;

/** `redis:7` is `docker.io/library/redis:7`. Null for what is no reference. */
export function parseImageRef(text: string): ImageRef | null {
  if (text.length > MOST_CHARACTERS) return null;
  const [named = '', digest = null, ...more] = text.split('@');
  if (more.length > 0 || (digest !== null && !DIGEST_PATTERN.test(digest))) return null;
  const first = named.slice(0, Math.max(named.indexOf('/'), 0));
  const host = HOST.test(first) ? first.toLowerCase() : 'docker.io';
  const rest = HOST.test(first) ? named.slice(first.length + 1) : named;
  const [path = '', tag = null, ...others] = rest.split(':');
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (others.length > 0 || !REPOSITORY.test(repository) || (tag !== null && !TAG.test(tag))) return null;
  const isPinned = digest !== null;
  return { host, repository, tag: tag ?? (isPinned ? null : 'latest'), digest: digest as Digest | null };
}

/** As a release has it: whole, and by its digest alone. */
export const pinnedImage = z.string().refine(
  (text) => {
    const parsed = parseImageRef(text);
    return (
      parsed?.digest !== undefined && parsed.digest !== null && text === formatPinned(parsed, parsed.digest)
    );
  },
  { error: 'an image by its digest, such as "registry.example.com/auth@sha256:…"' },
);

export function formatPinned(
  { host, repository }: Pick<ImageRef, 'host' | 'repository'>,
  digest: Digest,
): string {
  return `${host}/${repository}@${digest}`;
}
