// Enrolment: from the vendor's one string to an instance that knows its server, its id and its root of trust.

import { hostname } from 'node:os';
import { toBase64 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOf, digestOfValue } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import {
  type Enrolment,
  parseEnrolment,
  REDEEM_PATH,
  redeemReply,
  redeemRequest,
} from '../../../shared/protocol/enrolment.ts';
import { AGENT_VERSION, systemClock } from '../machine/surroundings.ts';
import { createAuditFile } from '../state/audit-file.ts';
import { createPolicy } from '../state/settings.ts';
import { acquireStateLock } from '../state/state-directory.ts';
import { type EnrolmentFile, loadOrCreateIdentity, readEnrolment, writeEnrolment } from './enrolment-file.ts';
import type { HttpClient } from './http-client.ts';
import { postJson } from './post-json.ts';

export interface EnrollOptions {
  readonly stateDir: string;
  /** What the vendor sent. */
  readonly text: string;
  /** Shown in the vendor's fleet list; the host's own name when absent. */
  readonly name?: string;
  /** The account that enrols, for the audit log. */
  readonly actor: string;
  readonly http: HttpClient;
}

const FORBIDDEN = 403;
const MAX_ROOT_BYTES = 512 * 1024;

/**
 * Key first, file last: a crash anywhere leaves either an enrolled instance or one on which the same command works again,
 * because the same key redeems the same code to the same answer.
 * Errors: enrolment/*, agent/already-running, transport/*, disk/*.
 */
export async function enroll(options: EnrollOptions): Promise<EnrolmentFile> {
  const enrolment = parseEnrolment(options.text);
  const string = digestOfValue(enrolment);
  const known = await readEnrolment(options.stateDir);
  if (known !== null) return sameOrRefuse(known, string, options.stateDir);
  const lock = await acquireStateLock(options.stateDir);
  try {
    return await enrollLocked(options, enrolment, string);
  } finally {
    lock.release();
  }
}

async function enrollLocked(
  options: EnrollOptions,
  enrolment: Enrolment,
  string: Digest,
): Promise<EnrolmentFile> {
  const identity = await loadOrCreateIdentity(options.stateDir);
  // Before the code is spent: a server that shows another root gets nothing from us.
  const root = await fetchPinnedRoot(options, enrolment);
  const reply = await redeem(options, enrolment, identity.x);
  const file: EnrolmentFile = {
    schema: 'fairlead/enrolment@1',
    server: enrolment.server,
    instance: reply.instance,
    name: sanitizeLine(reply.name),
    string,
    root: { ...enrolment.root, bytes: toBase64(root) },
  };
  await createPolicy(options.stateDir);
  await createAuditFile(options.stateDir, systemClock).append({
    event: 'enrolled',
    actor: options.actor,
    details: { server: file.server, instance: file.instance, root: file.root.digest },
  });
  await writeEnrolment(options.stateDir, file);
  return file;
}

/** Error: enrolment/refused for a string that was redeemed elsewhere, or has expired. */
export async function redeem(
  options: Pick<EnrollOptions, 'name' | 'http'>,
  { server, code }: Enrolment,
  publicKey: string,
) {
  const request = redeemRequest.parse({
    ...{ code, publicKey },
    hostname: sanitizeLine(options.name ?? hostname()),
    agentVersion: AGENT_VERSION,
  });
  try {
    return await postJson(options.http, `${server}${REDEEM_PATH}`, request, redeemReply);
  } catch (cause) {
    if (!isFairleadError(cause, 'transport/refused') || cause.data.status !== FORBIDDEN) throw cause;
    throw new FairleadError('enrolment/refused', { server, problem: cause.data.problem }, { cause });
  }
}

/** Null where the server has no root of this version. Errors: transport/*. */
export async function fetchRoot(
  http: HttpClient,
  server: string,
  version: number,
): Promise<Uint8Array | null> {
  const url = `${server}/repository/metadata/${version}.root.json`;
  const answer = await http.get(url, { maxBytes: MAX_ROOT_BYTES });
  return answer.kind === 'body' ? answer.bytes : null;
}

/** Error: enrolment/root-mismatch. */
export async function fetchPinnedRoot(
  { http }: Pick<EnrollOptions, 'http'>,
  enrolment: Enrolment,
): Promise<Uint8Array> {
  const bytes = await fetchRoot(http, enrolment.server, enrolment.root.version);
  const found = bytes === null ? 'nothing' : digestOf(bytes);
  if (bytes !== null && found === enrolment.root.digest) return bytes;
  throw new FairleadError('enrolment/root-mismatch', {
    server: enrolment.server,
    expected: enrolment.root.digest,
    found,
  });
}

function sameOrRefuse(known: EnrolmentFile, string: Digest, stateDir: string): EnrolmentFile {
  if (known.string === string) return known;
  throw new FairleadError('enrolment/exists', { stateDir, server: known.server, name: known.name });
}
