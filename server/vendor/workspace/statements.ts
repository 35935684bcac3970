// Statements of changes, signed and kept: one line of JSON for each stage, in a file for each change, as in-toto bundles are.
import { join } from 'node:path';
import type { ChangeRecord } from '../../../shared/change/change.ts';
import { toBase64, utf8 } from '../../../shared/encoding/bytes.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type DsseEnvelope, dsseEnvelope, envelopeOf, preAuthEncoding } from '../../../shared/trust/dsse.ts';
import { sign } from '../../../shared/trust/ed25519.ts';
import { loadKey, type SigningKey, type VerificationKey } from '../../../shared/trust/key.ts';
import { parseTargets } from '../../../shared/trust/parse-metadata.ts';
import {
  createStatements,
  type OpenedStatement,
  openStatement,
  problemsBetween,
  STATEMENT_TYPE,
} from '../core/statements.ts';
import { auditAct } from './audit.ts';
import { unlockKeys } from './keys.ts';
import { readVersion, requireNewest } from './metadata.ts';
import type { Session } from './passphrases.ts';
import { readBuiltSbom } from './sboms.ts';

/** A change that was verified in vain again and again has a thousand stages at most. */
const MAX_BUNDLE_BYTES = 64 << 20;
const MAX_STATEMENTS = 1000;

/** Signs what no key of `releases` has signed yet; answers the whole bundle. Errors: vendor/no-key, vendor/wrong-passphrase, vendor/digest-mismatch, file/missing, disk/*. */
export async function signStatements(session: Session, record: ChangeRecord): Promise<Uint8Array> {
  const { directory } = session;
  const file = bundleFile(directory, record.id);
  const kept = await readIfPresent(file, MAX_BUNDLE_BYTES);
  const built = record.release === null ? null : await readBuiltSbom(directory, record.id, 'release');
  const wanted = createStatements(record, built?.ref.digest ?? null);
  const trusted = await releaseKeys(directory);
  const known = new Map(
    parseKept(kept, file)
      .filter((envelope) => openStatement(envelope, trusted.all) !== null)
      .map((envelope) => [envelope.payload, envelope]),
  );
  const missing = wanted.filter((payload) => !known.has(toBase64(payload)));
  if (missing.length > 0) {
    const key = await signingKey(session, trusted.now);
    const stages = record.stages
      .filter((_, at) => missing.some((payload) => payload === wanted[at]))
      .map(({ stage }) => stage)
      .join(' ');
    await auditAct(session, 'statements', record.id, { stages, keys: key.keyid.slice(0, 12) });
    for (const payload of missing) known.set(toBase64(payload), envelopeWith(payload, key));
  }
  const envelopes = wanted.flatMap((payload) => known.get(toBase64(payload)) ?? []);
  const bytes = utf8(envelopes.map((envelope) => `${JSON.stringify(envelope)}\n`).join(''));
  if (missing.length > 0) {
    await makeDirectory(join(file, '..'));
    await writeDurably(file, bytes, 0o644);
  }
  return bytes;
}

/** Every statement of a bundle, proved to be the whole story of one change. Errors: vendor/statements-wrong, document/invalid, json/*. */
export function verifyBundle(
  bytes: Uint8Array,
  file: string,
  keys: ReadonlyMap<string, VerificationKey>,
): readonly OpenedStatement[] {
  const read = parseBundle(bytes, file).map((envelope) => openStatement(envelope, keys));
  const opened = read.flatMap((one) => one ?? []);
  const unsigned = read.flatMap((one, at) => (one === null ? [at + 1] : []));
  const problems = [
    ...unsigned.map((number) => `line ${number} is no statement that a key of "releases" signed`),
    ...(unsigned.length > 0 ? [] : problemsBetween(opened)),
  ];
  if (problems.length > 0) throw new FairleadError('vendor/statements-wrong', { file, problems });
  return opened;
}

/** Keys that `releases` has, and all that it ever had: what one of them signed in its time stays signed. Error: vendor/no-workspace. */
export async function releaseKeys(directory: string): Promise<{
  readonly all: ReadonlyMap<string, VerificationKey>;
  readonly now: ReadonlySet<string>;
}> {
  const newest = await requireNewest(directory, 'targets');
  const all = new Map<string, VerificationKey>();
  let now: ReadonlySet<string> = new Set();
  for (let version = 1; version <= newest.version; version++) {
    const file = await readVersion(directory, 'targets', version);
    if (file === null) continue;
    const { delegations, keys } = parseTargets(file.envelope.signed, 'targets');
    now = new Set(delegations.find(({ name }) => name === 'releases')?.keyids ?? []);
    for (const keyid of now) {
      const key = keys.get(keyid);
      const loaded = key === undefined ? null : loadKey(key);
      if (loaded !== null) all.set(keyid, loaded);
    }
  }
  return { all, now };
}

export function bundleFile(directory: string, change: string): string {
  return join(directory, 'statements', `${change}.intoto.jsonl`);
}

function parseBundle(bytes: Uint8Array, file: string): readonly DsseEnvelope[] {
  if (bytes.length > MAX_BUNDLE_BYTES) {
    throw new FairleadError('json/too-large', {
      source: file,
      limit: 'its size in bytes',
      value: MAX_BUNDLE_BYTES,
    });
  }
  const lines = Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  if (lines.length > MAX_STATEMENTS) {
    throw new FairleadError('json/too-large', {
      source: file,
      limit: 'its number of lines',
      value: MAX_STATEMENTS,
    });
  }
  return lines.map((line, at) => parseDocumentBytes(dsseEnvelope, utf8(line), `${file}, line ${at + 1}`));
}

/** What is damaged is signed anew: all of it follows from the record. */
function parseKept(kept: Uint8Array | null, file: string): readonly DsseEnvelope[] {
  try {
    return kept === null ? [] : parseBundle(kept, file);
  } catch (error) {
    if (isFairleadError(error)) return [];
    throw error;
  }
}

async function signingKey(session: Session, mine: ReadonlySet<string>): Promise<SigningKey> {
  const [key] = await unlockKeys(
    session,
    'releases',
    (keyid) => mine.has(keyid),
    (keys) => keys.length > 0,
  );
  if (key !== undefined) return key;
  throw new FairleadError('vendor/no-key', { role: 'releases', directory: join(session.directory, 'keys') });
}

function envelopeWith(payload: Uint8Array, { keyid, secretKey }: SigningKey): DsseEnvelope {
  const sig = sign(secretKey, preAuthEncoding(STATEMENT_TYPE, payload));
  return envelopeOf(STATEMENT_TYPE, payload, { keyid, sig });
}
