// `init`: a workspace with keys and an empty signed repository, published.
import { join, resolve } from 'node:path';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { packPath } from '../../../../shared/protocol/publication.ts';
import {
  draftDelegated,
  draftRoot,
  draftTargets,
  type Keyring,
  OFFLINE_ROLES,
  type OfflineRole,
  type Quorum,
  type RoleKeys,
} from '../../core/roles.ts';
import { createKey, publicPart } from '../../workspace/keys.ts';
import { readNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { type SigningResult, signRole } from '../../workspace/signing.ts';
import { createWorkspace, findWorkspace, parseConfig, type VendorConfig } from '../../workspace/workspace.ts';
import { conclude } from '../conclude.ts';
import { fetchOnlineKeys } from '../publish.ts';
import { withServer } from '../server-client.ts';

interface InitOptions {
  readonly server: string;
  readonly tokenFile: string;
  readonly quorum?: readonly (readonly [OfflineRole, Quorum])[];
}

export async function init(session: Session, options: InitOptions): Promise<void> {
  const server = options.server.replace(/\/+$/, '');
  const workspace = await establish(session, parseConfig({ server, tokenFile: resolve(options.tokenFile) }));
  const keyring = await makeKeyring(session, workspace, new Map(options.quorum));
  const signed = await signEmptyRepository(session, keyring);
  const { lines, document } = await conclude(session, signed);
  const keys = OFFLINE_ROLES.flatMap((role) => keyring[role].keys.map(({ keyid }) => ({ role, keyid })));
  session.out.result(
    'init',
    [
      `workspace ${session.directory} for ${workspace.server}`,
      ...lines,
      `back up ${join(session.directory, 'keys')} and its passphrase: whoever loses the root keys loses every install`,
      'next: fairlead-vendor change open --component SUITE/CAPABILITY --version V --revision R --scope TEXT',
    ],
    { server: workspace.server, keys, ...document },
  );
}

/** A killed `init` is continued; another server in the same directory is a mistake. */
async function establish(session: Session, wanted: VendorConfig): Promise<VendorConfig> {
  const existing = await findWorkspace(session.directory);
  if (existing === null) {
    await verifyServer(wanted);
    return (await createWorkspace(session.directory, wanted)).config;
  }
  for (const setting of ['server', 'tokenFile'] as const) {
    if (existing.config[setting] === wanted[setting]) continue;
    throw new FairleadError('vendor/workspace-taken', {
      directory: session.directory,
      setting,
      existing: existing.config[setting],
    });
  }
  return existing.config;
}

/**
 * Before anything is written, so that a wrong address or token is simply typed again.
 * Errors: vendor/other-repository, and those of the client.
 */
async function verifyServer(config: VendorConfig): Promise<void> {
  await withServer(config, async (server) => {
    // Asked of publishers only; that no tree has this digest is the expected answer.
    await server.has(`/api/v1/${packPath('0'.repeat(64))}`);
    if ((await server.fetchFile('/repository/metadata/1.root.json')) !== null) {
      throw new FairleadError('vendor/other-repository', { server: config.server });
    }
  });
}

async function makeKeyring(
  session: Session,
  config: VendorConfig,
  quorums: ReadonlyMap<OfflineRole, Quorum>,
): Promise<Keyring> {
  const made = new Map<OfflineRole, RoleKeys>();
  for (const role of OFFLINE_ROLES) {
    const { threshold, count } = quorums.get(role) ?? { threshold: 1, count: 1 };
    const keys: RoleKeys['keys'][number][] = [];
    for (let number = 1; number <= count; number++) {
      const { file } = await createKey(session, role, number);
      keys.push(publicPart(file.public));
    }
    made.set(role, { threshold, keys });
  }
  return {
    ...(Object.fromEntries(made) as Record<OfflineRole, RoleKeys>),
    ...(await fetchOnlineKeys(config)),
  };
}

async function signEmptyRepository(session: Session, keyring: Keyring): Promise<readonly SigningResult[]> {
  const now = session.now();
  const results: SigningResult[] = [];
  for (const role of OFFLINE_ROLES) {
    if ((await readNewest(session.directory, role)) !== null) continue;
    const draft =
      role === 'root'
        ? draftRoot(1, now, keyring)
        : role === 'targets'
          ? draftTargets(1, now, keyring)
          : draftDelegated(role, 1, now, {});
    results.push(await signRole(session, role, draft, { action: 'init', subject: role }));
  }
  return results;
}
