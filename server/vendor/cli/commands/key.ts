// `key`: which keys hold which role, new keys for people of their own, and exchanging a role's keys.
import { resolve } from 'node:path';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { shellWord } from '../../../../shared/errors/shell-word.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import {
  draftRoot,
  draftTargets,
  type Keyring,
  OFFLINE_ROLES,
  type OfflineRole,
  ONLINE_ROLES,
  type OnlineRole,
  parseOfflineRole,
  type RoleKeys,
} from '../../core/roles.ts';
import { exchangeKeys, keyringOf } from '../../core/rotation.ts';
import { createKey, createKeyFile, listKeys, publicPart, readKeyFile } from '../../workspace/keys.ts';
import { requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/session.ts';
import { renewRole, type SigningResult, signRole } from '../../workspace/signing.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';
import { conclude } from '../conclude.ts';
import { fetchOnlineKeys } from '../online-keys.ts';

export const KEY_COMMANDS: readonly CommandSpec[] = [
  {
    usage: 'list',
    summary: 'every role with its keys, its threshold and the key files at hand',
    example: 'key list',
    kind: 'reads',
    run: list,
  },
  {
    usage: 'create <file>',
    summary: 'a new key for one person, in a file of its own, to be added with `key rotate`',
    example: 'key create /media/usb/releases-anna.json --role releases --label anna',
    kind: 'reads',
    options: [
      { flags: '--role <role>', about: 'the role it is meant for', required: true },
      { flags: '--label <text>', about: 'whose key it is', required: true },
      { flags: '--passphrase-file <file>', about: 'its passphrase (else $FAIRLEAD_PASSPHRASE, else asked)' },
    ],
    run: create,
  },
  {
    usage: 'rotate <role>',
    summary: 'exchange keys of a role; for snapshot and timestamp, take the keys the server has now',
    example: 'key rotate releases --add anna.json --remove 3fe1c2a9 --threshold 2',
    kind: 'signs',
    options: [
      { flags: '--add <file>', about: 'key file whose public half is added', repeatable: true },
      {
        flags: '--remove <keyid>',
        about: 'key to take away, by the first digits of its id',
        repeatable: true,
      },
      { flags: '--threshold <k>', about: 'how many of the keys must sign' },
    ],
    run: rotate,
  },
];

async function list(session: Session): Promise<void> {
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

async function create(session: Session, input: Input): Promise<void> {
  const path = resolve(input.argument(0));
  const { file } = await createKeyFile(
    session,
    path,
    parseOfflineRole(input.text('role'), '--role'),
    input.text('label'),
  );
  const lines = [
    `${path}  ${file.keyid}`,
    `next: fairlead-vendor key rotate ${input.text('role')} --add ${shellWord(path)} --threshold K`,
  ];
  session.out.result('key-create', lines, { path, keyid: file.keyid });
}

async function rotate(session: Session, input: Input): Promise<void> {
  const { config } = await openWorkspace(session.directory);
  const keyring = await readKeyring(session);
  const online = ONLINE_ROLES.find((role) => role === input.argument(0));
  const signed =
    online === undefined
      ? await rotateOffline(session, keyring, parseOfflineRole(input.argument(0), 'ROLE'), input)
      : await rotateOnline(session, keyring, online, (await fetchOnlineKeys(config))[online]);
  const { lines, document } = await conclude(session, signed);
  session.out.result('key-rotate', lines, document);
}

/**
 * The delegator names the new keys, then the role is signed by them. While the delegator waits for signatures the second
 * half has to wait too: `renew ROLE` does it, and nothing is published before.
 */
async function rotateOffline(
  session: Session,
  keyring: Keyring,
  role: OfflineRole,
  input: Input,
): Promise<readonly SigningResult[]> {
  const next = { ...keyring, [role]: await chooseKeys(session, keyring[role], role, input) };
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
  const version = (await requireNewest(session.directory, delegator)).version + 1;
  const draft = isDelegated ? draftTargets : draftRoot;
  const purpose = { action: 'key rotate', subject: role };
  return signRole(session, delegator, draft(version, session.now(), keyring), purpose);
}

/** With neither --add nor --remove a role of one key gets a new one in its place. */
async function chooseKeys(
  session: Session,
  current: RoleKeys,
  role: OfflineRole,
  input: Input,
): Promise<RoleKeys> {
  const added = await Promise.all(input.list('add').map((path) => readKeyFile(resolve(path))));
  const text = input.optional('threshold');
  const threshold = text === undefined ? null : Number(text);
  const asked = {
    add: added.map(({ file }) => publicPart(file.public).key),
    remove: input.list('remove'),
    threshold,
  };
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
