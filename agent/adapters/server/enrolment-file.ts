// What enrolment left on disk: which server this instance has, and the key that it signs with.

import { generateKeyPairSync } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import { digest, line } from '../../../shared/schema/common.ts';
import { parseDocumentBytes, SECRET } from '../../../shared/schema/parse-document.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';

const enrolmentFile = z.strictObject({
  schema: z.literal('fairlead/enrolment@1'),
  server: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
  instance: z.string().regex(/^[0-9a-f-]{36}$/, { error: 'an instance id' }),
  name: line,
  /** Digest of the enrolment string: running the same command again is no second enrolment. */
  string: digest,
  root: z.strictObject({
    version: z.int().min(1),
    digest,
    /** The exact bytes, base64. */
    bytes: z.base64(),
  }),
});

export type EnrolmentFile = z.output<typeof enrolmentFile>;

/** Errors: document/invalid, json/invalid, disk/failed. */
export async function readEnrolment(stateDir: string): Promise<EnrolmentFile | null> {
  const bytes = await readIfPresent(pathOf(stateDir));
  return bytes === null ? null : parseStored(enrolmentFile, bytes, pathOf(stateDir));
}

export async function writeEnrolment(stateDir: string, enrolment: EnrolmentFile): Promise<void> {
  await writeDurably(pathOf(stateDir), encodeStored(enrolmentFile, enrolment, pathOf(stateDir)));
}

function pathOf(stateDir: string): string {
  return join(stateDir, 'enrolment.json');
}

const KEY = z.string().regex(/^[A-Za-z0-9_-]{43}$/, { error: 'a 32-byte key in base64url' });

/** A JSON Web Key (RFC 8037): `x` is the public key, `d` the secret. */
const identity = z
  .strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: KEY, d: KEY })
  .meta({ [SECRET]: true });

export type Identity = z.output<typeof identity>;

/** The key of this state directory; made, mode 0600, when there is none. Errors: document/invalid, disk/*. */
export async function loadOrCreateIdentity(
  stateDir: string,
  path = identityFile(stateDir),
): Promise<Identity> {
  const known = await loadIdentity(path);
  if (known !== null) return known;
  const made = identity.parse(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }));
  await makeDirectory(stateDir);
  await writeDurably(path, canonicalize(made));
  return made;
}

/**
 * The key of an install that goes to another server. It is kept under `next` until it is redeemed, so that a killed move
 * comes with the same key to the same code; then under the new instance's id, which the enrolment names a moment later.
 */
export function nextIdentity(stateDir: string): Promise<Identity> {
  return loadOrCreateIdentity(stateDir, identityFile(stateDir, 'next'));
}

/** Before the enrolment names that instance. Error: disk/*. */
export async function keepIdentity(stateDir: string, instance: string, key: Identity): Promise<void> {
  await writeDurably(identityFile(stateDir, instance), canonicalize(key));
}

/** Once the enrolment names that instance: its key takes the usual place, and the one before is nowhere. Error: disk/*. */
export async function settleIdentity(stateDir: string, instance: string): Promise<void> {
  const key = await loadIdentity(identityFile(stateDir, instance));
  if (key === null) return;
  await writeDurably(identityFile(stateDir), canonicalize(key));
  for (const name of [instance, 'next']) await rm(identityFile(stateDir, name), { force: true });
  await syncDirectory(stateDir);
}

/**
 * Of an install that is enrolled. What is gone or damaged is never made anew: the server knows another key. Error:
 * enrolment/identity-lost.
 */
export async function readIdentity(stateDir: string, instance: string): Promise<Identity> {
  const lost = (problem: string, cause: unknown = null) =>
    new FairleadError('enrolment/identity-lost', { path: identityFile(stateDir), problem }, { cause });
  const load = async () =>
    (await loadIdentity(identityFile(stateDir, instance))) ?? (await loadIdentity(identityFile(stateDir)));
  const known = await load().catch((cause: unknown) => {
    throw isFairleadError(cause) && !isMomentary(cause) ? lost(cause.message, cause) : cause;
  });
  if (known === null) throw lost('there is no such file');
  return known;
}

async function loadIdentity(path: string): Promise<Identity | null> {
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(identity, bytes, path);
}

/** `of` names one that is not in its usual place yet. */
function identityFile(stateDir: string, of?: string): string {
  return join(stateDir, of === undefined ? 'identity.json' : `identity-${of}.json`);
}
