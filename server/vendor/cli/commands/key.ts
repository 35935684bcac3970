// `key`: which keys hold which role, new keys for people of their own, and exchanging a role's keys.
import { resolve } from 'node:path';
import { shellWord } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { readObject } from '../../../../shared/trust/field.ts';
import {
  draftRoot,
  draftTargets,
  type Keyring,
  OFFLINE_ROLES,
  type OfflineRole,
  ONLINE_ROLES,
  type OnlineRole,
  type RoleKeys,
} from '../../core/roles.ts';
import { exchangeKeys, keyringOf } from '../../core/rotation.ts';
import { createKey, createKeyFile, listKeys, publicPart, readKeyFile } from '../../workspace/keys.ts';
import { requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { renewRole, type SigningResult, signRole } from '../../workspace/signing.ts';
import { openWorkspace, type VendorConfig } from '../../workspace/workspace.ts';
import { conclude } from '../conclude.ts';
import { fetchHaltsKey, fetchOnlineKeys, followServerHalts } from '../publish.ts';

export async function list(session: Session): Promise<void> {
  await openWorkspace(session.directory);
  const keyring = await readKeyring(session);
  const files = new Map((await listKeys(session)).map(({ path, file }) => [file.keyid, path]));
  const roles = [...OFFLINE_ROLES, ...ONLINE_ROLES].map((role) => ({
    role,
    threshold: keyring[role].threshold,
    keys: keyring[role].keys.map(({ keyid }) => ({ keyid, file: files.get(keyid) ?? null })),
  }));
  const isOnline = (role: string) => ONLINE_ROLES.some((online) => online === role);
  const rows = roles.flatMap(({ role, threshold, keys }) =>
    keys.map(({ keyid, file }) => [
      role,
      `${threshold} of ${keys.length}`,
      keyid.slice(0, 16),
      file ?? (isOnline(role) ? 'held by the server' : 'not here'),
    ]),
  );
  session.out.result('key-list', formatTable([['Role', 'Needed', 'Key', 'File'], ...rows]), { roles });
}

interface CreateOptions {
  readonly role: OfflineRole;
  readonly label: string;
}

export async function create(session: Session, named: string, options: CreateOptions): Promise<void> {
  const path = resolve(named);
  const { role, label } = options;
  const { file } = await createKeyFile(session, path, role, label);
  const lines = [
    `${path}  ${file.keyid}`,
    `next: fairlead-vendor key rotate ${role} --add ${shellWord(path)} --threshold K`,
  ];
  session.out.result('key-create', lines, { path, keyid: file.keyid });
}

interface RotateOptions {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly threshold?: number;
  readonly addServer?: boolean;
}

export async function rotate(
  session: Session,
  role: OfflineRole | OnlineRole,
  options: RotateOptions,
): Promise<void> {
  const { config } = await openWorkspace(session.directory);
  if (role === 'halts') await followServerHalts(session);
  const keyring = await readKeyring(session);
  const signed =
    role === 'snapshot' || role === 'timestamp'
      ? await rotateOnline(session, keyring, role, (await fetchOnlineKeys(config))[role])
      : await rotateOffline(session, keyring, role, await withServerKey(config, role, options));
  const { lines, document } = await conclude(session, signed);
  session.out.result('key-rotate', lines, document);
}

interface Exchange extends RotateOptions {
  /** The server's, where it is to be added. */
  readonly serverKey?: RoleKeys['keys'][number];
}

/** Alone it could stop nothing where two must sign. Errors: vendor/option-invalid, vendor/no-halts-key. */
async function withServerKey(
  config: VendorConfig,
  role: OfflineRole,
  options: RotateOptions,
): Promise<Exchange> {
  if (options.addServer !== true) return options;
  if (role !== 'halts') {
    const form = 'key rotate halts --add-server: the server signs nothing else of the vendor’s';
    throw new FairleadError('vendor/option-invalid', { option: '--add-server', value: role, form });
  }
  return { ...options, serverKey: await fetchHaltsKey(config) };
}

/**
 * The delegator names the new keys, then the role is signed by them. While the delegator waits for signatures the second
 * half has to wait too: `renew ROLE` does it, and nothing is published before.
 */
async function rotateOffline(
  session: Session,
  keyring: Keyring,
  role: OfflineRole,
  options: Exchange,
): Promise<readonly SigningResult[]> {
  const next = { ...keyring, [role]: await chooseKeys(session, keyring[role], role, options) };
  const purpose = { action: 'key rotate', subject: role };
  const delegator = await signDelegator(session, next, role);
  if (role === 'root' || delegator.kind !== 'signed') return [delegator];
  return [delegator, await renewRole(session, role, purpose)];
}

async function rotateOnline(
  session: Session,
  keyring: Keyring,
  role: OnlineRole,
  keys: RoleKeys,
): Promise<readonly SigningResult[]> {
  if (keys.keys[0]?.keyid === keyring[role].keys[0]?.keyid) return [];
  return [await signDelegator(session, { ...keyring, [role]: keys }, role)];
}

async function signDelegator(
  session: Session,
  keyring: Keyring,
  role: OfflineRole | OnlineRole,
): Promise<SigningResult> {
  const isDelegated = role === 'security' || role === 'halts' || role === 'releases';
  const delegator = isDelegated ? 'targets' : 'root';
  const newest = await requireNewest(session.directory, delegator);
  const version = newest.version + 1;
  const listed = readObject(newest.envelope.signed.targets ?? {}, delegator, 'targets');
  const draft = isDelegated
    ? { ...draftTargets(version, session.now(), keyring), targets: listed }
    : draftRoot(version, session.now(), keyring);
  return signRole(session, delegator, draft, { action: 'key rotate', subject: role });
}

/** With neither --add nor --remove a role of one key gets a new one in its place. */
async function chooseKeys(
  session: Session,
  current: RoleKeys,
  role: OfflineRole,
  options: Exchange,
): Promise<RoleKeys> {
  const { add = [], remove: unwanted = [], threshold = null, serverKey } = options;
  const added = await Promise.all(add.map((path) => readKeyFile(resolve(path))));
  const keys = [
    ...added.map(({ file }) => publicPart(file.public).key),
    ...(serverKey === undefined ? [] : [serverKey.key]),
  ];
  if (serverKey !== undefined && (threshold ?? current.threshold) !== 1) {
    const form = 'with --threshold 1: where two must sign, the server alone stops nothing';
    throw new FairleadError('vendor/option-invalid', { option: '--add-server', value: role, form });
  }
  const asked = { add: keys, remove: unwanted, threshold };
  const isPlain = asked.add.length + asked.remove.length === 0 && threshold === null;
  if (!isPlain) return exchangeKeys(current, asked);
  if (current.keys.length > 1) {
    const form = 'which key goes (--remove KEYID) and which comes (--add FILE)';
    throw new FairleadError('vendor/option-invalid', { option: 'key rotate', value: role, form });
  }
  const files = (await listKeys(session)).filter(({ file }) => file.roles.includes(role));
  const { file } = await createKey(session, role, files.length + 1);
  const remove = current.keys.map(({ keyid }) => keyid);
  return exchangeKeys(current, { add: [publicPart(file.public).key], remove, threshold: null });
}

async function readKeyring(session: Session): Promise<Keyring> {
  const root = await requireNewest(session.directory, 'root');
  const targets = await requireNewest(session.directory, 'targets');
  return keyringOf(root.envelope.signed, targets.envelope.signed);
}
