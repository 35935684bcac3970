// Files for enrolled agents alone: who is let in to them, and where those who are let in are sent.
import type { FastifyRequest } from 'fastify';
import { FairleadError } from '../../shared/errors/error.ts';
import { readSecret } from '../../shared/node/named-file.ts';
import type { Context } from '../context.ts';
import {
  type Downloads,
  isRestricted,
  isSigned,
  type RepositoryAccess,
  signAddress,
} from '../core/downloads.ts';
import { TOKEN_PREFIX } from '../db/token-lists.ts';
import { verifyAccess } from './access.ts';

export interface DownloadSettings {
  readonly repositoryAccess?: RepositoryAccess | undefined;
  readonly downloadKeyFile?: string | undefined;
  readonly downloadUrl?: string | undefined;
}

/** In base64, 24 random bytes. */
const LEAST_KEY_LENGTH = 32;

/** Errors: server/downloads-unclear, file/*. */
export async function readDownloads(settings: DownloadSettings): Promise<Downloads> {
  const { repositoryAccess: access = 'public', downloadKeyFile: file, downloadUrl: url } = settings;
  const key = file === undefined ? null : await readSecret(file);
  if (access === 'public' && (key !== null || url !== undefined)) {
    throw unclear('everybody may download without a signed address: --repository-access is public');
  }
  if (url !== undefined && key === null) throw unclear('addresses at --download-url are signed with no key');
  if (key !== null && key.length < LEAST_KEY_LENGTH) {
    throw unclear(`the key has ${key.length} signs, and takes ${LEAST_KEY_LENGTH}`);
  }
  return { access, key, url: url === undefined ? null : url.replace(/\/*$/, '/') };
}

/** What becomes of who asks for a file. */
export type Admission =
  | { readonly kind: 'open' }
  /** What is given is given to this caller alone: no cache on the way may keep it. */
  | { readonly kind: 'let-in' }
  | { readonly kind: 'sent'; readonly to: string };

/** `path` is below the repository. Errors: auth/missing, auth/refused, auth/forbidden, and those of an instance's standing. */
export async function admitDownload(
  context: Context,
  request: FastifyRequest,
  path: string,
): Promise<Admission> {
  const { downloads, now } = context;
  if (!isRestricted(downloads, path)) return { kind: 'open' };
  const { key, url } = downloads;
  const { expires, signature } = request.query as Readonly<Record<string, unknown>>;
  if (key !== null && typeof expires === 'string' && typeof signature === 'string') {
    // For a CDN that fetches here what it was asked for: it passes the proof on.
    if (isSigned(key, pathAt(url, path), { expires, signature }, now())) return { kind: 'open' };
    throw new FairleadError('auth/refused', {
      problem: 'the signed address has ended, or is of another file',
    });
  }
  const { authorization } = request.headers;
  const isToken = authorization?.slice('Bearer '.length).startsWith(TOKEN_PREFIX) === true;
  const of = { asked: null, looksItself: false, visit: null, isLocal: false, ofCustomers: false };
  const shown = { authorization, route: 'this file', ...of };
  await verifyAccess(context, isToken ? ['viewer'] : 'agent', shown, now());
  if (key === null || url === null) return { kind: 'let-in' };
  const query = signAddress(key, pathAt(url, path), now());
  return { kind: 'sent', to: `${url}${path.split('/').map(encodeURIComponent).join('/')}?${query}` };
}

/** As whoever stands there sees it. */
function pathAt(url: string | null, path: string): string {
  return (url === null ? '/repository/' : new URL(url).pathname) + path;
}

function unclear(problem: string): FairleadError {
  return new FairleadError('server/downloads-unclear', { problem });
}
