// To another server of the same vendor, or away from an original that this is a copy of: a new identity, and everything else stays.
import { digestOf, digestOfValue } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { type Enrolment, parseEnrolment } from '../../../shared/protocol/enrolment.ts';
import { verifyInitialRoot, verifyNextRoot } from '../../../shared/trust/rules.ts';
import { EMPTY_OUTBOX } from '../../core/outbox.ts';
import { leaveServer } from '../../core/proposals.ts';
import { systemClock } from '../machine/surroundings.ts';
import { createAuditFile } from '../state/audit-file.ts';
import { acquireStateLock } from '../state/state-directory.ts';
import { createStateFiles } from '../state/state-files.ts';
import { type EnrollOptions, fetchPinnedRoot, fetchRoot, redeem } from './enroller.ts';
import {
  type EnrolmentFile,
  type Identity,
  keepIdentity,
  nextIdentity,
  readEnrolment,
  readIdentity,
  settleIdentity,
  writeEnrolment,
} from './enrolment-file.ts';
import { sayGoodbye } from './server-channel.ts';

export interface MoveOptions extends EnrollOptions {
  /** The original goes on under its identity: its server is told nothing. */
  readonly isCopy: boolean;
}

export interface Moved {
  readonly enrolment: EnrolmentFile;
  readonly from: { readonly server: string; readonly instance: string };
  /** The server that was left has heard of it. */
  readonly told: boolean;
}

/**
 * Trust, policy, configuration, generations, records and log stay; the new server hears all of the history. A crash anywhere
 * leaves the old enrolment or the new one, and the same command goes on.
 * Errors: enrolment/*, agent/already-running, transport/*, audit/damaged, disk/*.
 */
export async function move(options: MoveOptions): Promise<Moved> {
  const { stateDir } = options;
  const enrolment = parseEnrolment(options.text);
  const lock = await acquireStateLock(stateDir);
  try {
    const known = await readEnrolment(stateDir);
    if (known === null) throw new FairleadError('enrolment/missing', { stateDir });
    await settleIdentity(stateDir, known.instance);
    const from = { server: known.server, instance: known.instance };
    if (known.string === digestOfValue(enrolment)) return { enrolment: known, from, told: false };
    await verifySameVendor(options, enrolment, known.root);
    return await moveTo(options, enrolment, known);
  } finally {
    lock.release();
  }
}

async function moveTo(options: MoveOptions, enrolment: Enrolment, known: EnrolmentFile): Promise<Moved> {
  const { stateDir, isCopy } = options;
  const { server, instance } = known;
  const old = await readIdentity(stateDir, instance).catch(() => null);
  const key = await nextIdentity(stateDir);
  const { instance: id, name } = await redeem(options, enrolment, key.x);
  const next: EnrolmentFile = {
    ...known,
    server: enrolment.server,
    instance: id,
    name: sanitizeLine(name),
    string: digestOfValue(enrolment),
  };
  await keepIdentity(stateDir, id, key);
  await createAuditFile(stateDir, systemClock).append({
    event: 'enrolled',
    actor: options.actor,
    details: {
      ...{ server: next.server, instance: id, root: known.root.digest },
      ...{ before: server, beforeInstance: instance, copy: isCopy },
    },
  });
  await forgetServer(stateDir);
  // From here on it is the new one.
  await writeEnrolment(stateDir, next);
  await settleIdentity(stateDir, id);
  const isLeaving = !isCopy && server !== next.server && old !== null;
  const told = isLeaving && (await tell(options, known, old, next.server));
  return { enrolment: next, from: { server, instance }, told };
}

/** The new server hears all records, and none of the old one's wishes waits. */
async function forgetServer(stateDir: string): Promise<void> {
  const files = createStateFiles(stateDir, () => undefined);
  await files.outbox.write(EMPTY_OUTBOX);
  const proposals = await files.proposals.read();
  if (proposals !== null) await files.proposals.write(leaveServer(proposals));
}

/** A server that is gone, or takes no word from here, keeps nobody. */
async function tell(
  { http }: MoveOptions,
  { server, instance }: EnrolmentFile,
  old: Identity,
  to: string,
): Promise<boolean> {
  const channel = { server, instance, http, clock: systemClock, identity: async () => old };
  return await sayGoodbye(channel, to).then(
    () => true,
    () => false,
  );
}

/** A vendor that changes its root every day for years. */
const MOST_ROOTS = 2_048;

/**
 * The root that the string names and the one this install began with are of one chain, each link signed by the quorum before
 * it: whichever is older leads to the other. Errors: enrolment/other-vendor, enrolment/root-mismatch, transport/*.
 */
async function verifySameVendor(
  options: MoveOptions,
  enrolment: Enrolment,
  known: EnrolmentFile['root'],
): Promise<void> {
  const { server, root: pinned } = enrolment;
  const isKnownOlder = known.version <= pinned.version;
  const start = isKnownOlder ? Buffer.from(known.bytes, 'base64') : await fetchPinnedRoot(options, enrolment);
  const goal = isKnownOlder ? pinned : known;
  const other = (problem: string) => new FairleadError('enrolment/other-vendor', { server, problem });
  try {
    let bytes: Uint8Array = start;
    let root = verifyInitialRoot(bytes);
    while (root.version < goal.version) {
      if (root.version - Math.min(known.version, pinned.version) > MOST_ROOTS)
        throw other('its chain has no end');
      const next = await fetchRoot(options.http, server, root.version + 1);
      if (next === null) throw other(`it has no root ${root.version + 1}`);
      root = verifyNextRoot(root, next);
      bytes = next;
    }
    if (digestOf(bytes) !== goal.digest) throw other(`its root ${goal.version} is another`);
  } catch (cause) {
    if (!isFairleadError(cause) || !cause.code.startsWith('trust/')) throw cause;
    throw other(cause.message);
  }
}
