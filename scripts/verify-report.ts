// Verifies a compliance report offline, with nothing of Fairlead: its bytes, its numbers, and what it says of both logs, by the logs.
//
// node scripts/verify-report.ts REPORT [FILE…] [--root ROOT…]
// FILE: exported logs of installs and of the server, files of heads and of receipts. ROOT: root metadata whose keys signed the receipts.
// docs/reference/compliance-report.md says what is checked here and why, so that anybody can write another.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, parseArgs } from 'node:util';

type Named = { readonly name: string; readonly bytes: Uint8Array };
// biome-ignore lint/suspicious/noExplicitAny: what others wrote, of which nothing is known yet.
type Json = any;

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Throws where a file is none of these, or a byte of it is another than was written; `problems` is empty where all fits. */
export function verifyReport(file: Named, others: readonly Named[], roots: readonly Named[]) {
  const { last, digest } = endOf(linesOf(file.name, file.bytes), file.bytes);
  const isWhole = isText(last, `"digest":"${digest}"}`);
  if (!isWhole) throw new Error(`${file.name}: a byte is another than was written, or it is no report`);
  const report = parse(file.bytes, file.name);
  if (report.schema !== 'fairlead/compliance-report@1') throw new Error(`${file.name}: it is no report`);
  const [held, problems]: [string[], string[]] = [[], checkNumbers(report)];
  const [heads, ledgers]: [Json[], Json[]] = [headsIn(report, file.name), []];
  for (const { name, bytes } of others) {
    const lines = linesOf(name, bytes);
    const first = parse(lines[0] ?? bytes, name);
    const isKept = first.payload !== undefined || first.schema === 'fairlead/ledger-head@1';
    if (isKept) heads.push(...readKept(name, bytes, lines, keysOf(roots)));
    else ledgers.push(readLedger(name, lines));
  }
  for (const log of ledgers) {
    const mine = heads.filter(({ of }) => of === log.instance);
    if (mine.length === 0) problems.push(`${log.name}: no head that is given is about this log`);
    const isServer = log.instance === null;
    const wrong = mine.flatMap((head) => holdHead(log, head));
    problems.push(...wrong, ...(isServer ? holdServer(log, report, digest) : holdInstall(log, report)));
    const reach = mine.reduce((most, { count }) => Math.max(most, count), 0);
    const after = Math.max(0, log.entries.length - reach);
    held.push(`${log.name}: ${log.entries.length} entries by ${mine.length} heads, and ${after} after them`);
  }
  if (!ledgers.some(({ instance }) => instance === null))
    held.push('without the log of the server nothing shows who made this report, nor that it was made then');
  return { held, problems };
}

function linesOf(name: string, bytes: Uint8Array): readonly Uint8Array[] {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  if (lines.pop() === '' && lines.length > 0) return lines.map((line) => Buffer.from(line, 'latin1'));
  throw new Error(`${name}: its last line has no end`);
}

function parse(bytes: Uint8Array, name: string): Json {
  let value: Json = null;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {}
  if (typeof value === 'object' && value !== null) return value;
  throw new Error(`${name}: a line is no JSON object`);
}

function endOf(lines: readonly Uint8Array[], bytes: Uint8Array) {
  const last = lines.at(-1) ?? bytes;
  return { last, digest: sha256(bytes.subarray(0, bytes.length - last.length - 1)) };
}

const isText = (line: Uint8Array, text: string) => Buffer.from(text).equals(line);

const STATES = ['fixed', 'exposed', 'unknown', 'left', 'withdrawn'];

/** Every number follows from the rows, and no row speaks against itself. */
function checkNumbers({ installs, advisories, summary }: Json): string[] {
  const rows = installs.flatMap(({ cases }: Json) => cases);
  const of = Map.groupBy(rows, ({ advisory }: Json) => advisory);
  const known = advisories.map(({ id }: Json) => id);
  const wrong = installs.flatMap((install: Json) =>
    install.cases
      .filter((one: Json) => !known.includes(one.advisory) || !isSound(install, one))
      .map(({ advisory }: Json) => `${install.name}: what is said of ${advisory} speaks against itself`),
  );
  const isUnheard = ({ known: from, to }: Json) => from === null || Date.parse(from) >= Date.parse(to);
  const expected = {
    installs: new Set(installs.map(({ id }: Json) => id)).size,
    affected: new Set(installs.filter(({ cases }: Json) => cases.length > 0).map(({ id }: Json) => id)).size,
    unheard: installs.filter(isUnheard).length,
    ...countOf(rows),
    byAdvisory: known.map((advisory: Json) => ({ advisory, ...countOf(of.get(advisory) ?? []) })),
  };
  if (!isDeepStrictEqual(expected, summary)) wrong.push('the summary does not follow from the rows');
  return wrong;
}

function isSound(install: Json, { state, fixed, unknown, since, ran, deferred }: Json): boolean {
  const isOpen = ran.some(({ to }: Json) => to === null);
  const isSilent = install.silent.some(({ to }: Json) => to === null);
  const isListed = deferred.every((place: number) => install.reasons[place] !== undefined);
  const isInTime = fixed === null || (!isOpen && Date.parse(fixed.at) >= Date.parse(since));
  const isBelieved = fixed?.clock !== 'install' || fixed.record !== null;
  const isTold = (state === 'fixed') === (fixed !== null) && (state === 'unknown') === (unknown !== null);
  const fits = (state !== 'left' || install.left !== null) && (state !== 'exposed' || !isSilent);
  return STATES.includes(state) && ran.length > 0 && isListed && isInTime && isBelieved && isTold && fits;
}

function countOf(cases: readonly Json[]): Json {
  const took = ({ fixed, since }: Json) => Math.max(0, Date.parse(fixed.at) - Date.parse(since));
  const times = cases.flatMap((one) => (one.fixed ? took(one) : [])).sort((a, b) => a - b);
  const applied = times.length;
  const nth = (share: number) => times[Math.max(0, Math.ceil(share * applied) - 1)] ?? null;
  const has = (what: (one: Json) => unknown) => cases.filter(what).length;
  return {
    cases: cases.length,
    ...Object.fromEntries(STATES.map((of) => [of, has(({ state }) => state === of)])),
    ...{ told: has(({ told }) => told), offered: has(({ offered }) => offered) },
    deferred: has(({ deferred }) => deferred.length > 0),
    time: { applied, not: cases.length - applied, p50: nth(0.5), p90: nth(0.9), p95: nth(0.95), max: nth(1) },
  };
}

/** The chain: each line names the digest of the one before, and the last line of a server's log its last entry. */
function readLedger(name: string, lines: readonly Uint8Array[]): Json {
  const log: Json = { name, digests: [], entries: [], restores: [], instance: null };
  let ended = false;
  for (const line of lines) {
    const entry = parse(line, name);
    const { schema, previous, sequence, event, action, details = {}, at } = entry;
    const [count, last] = [log.digests.length, log.digests.at(-1) ?? null];
    const end = JSON.stringify({ schema: 'fairlead/audit-head@1', count, digest: last });
    if (ended) throw new Error(`${name}: something comes after its end`);
    ended = schema === 'fairlead/audit-head@1' && isText(line, end);
    if (ended) continue;
    if (previous !== last || sequence !== count + 1)
      throw new Error(`${name}: entry ${count + 1} does not continue the one before it`);
    log.digests.push(sha256(line));
    log.entries.push(entry);
    if (event === 'enrolled') log.instance = details.instance;
    if (action === 'backup.restored') log.restores.push({ from: sequence, at });
    if (event === 'agent-started' && details.restored) log.restores.push({ from: details.from, at });
  }
  if (log.instance === null && !ended) throw new Error(`${name}: its last line, which ends it, is missing`);
  return log;
}

/** What the report itself names of both logs; `of` an install by its id, of the server null. */
function headsIn({ server, advisories, installs }: Json, by: string): Json[] {
  const entries = [
    ...advisories.flatMap(({ revisions }: Json) => revisions.map(({ entry }: Json) => entry)),
    ...installs.map(({ left }: Json) => left?.entry),
  ].flatMap((entry) => (entry ? { ...entry, count: entry.sequence, at: server.at } : []));
  const ofServer = [...(server ? [server] : []), ...entries].map((head) => ({ ...head, of: null, by }));
  const ofInstalls = installs.flatMap(({ id, head }: Json) => (head ? { ...head, of: id, by } : []));
  return [...ofServer, ...ofInstalls];
}

/** A file of heads or receipts ends with how many lines it has, and the digest of all bytes before. */
function readKept(by: string, bytes: Uint8Array, lines: readonly Uint8Array[], keys: Json): Json[] {
  const { last, digest } = endOf(lines, bytes);
  if (!isText(last, JSON.stringify({ schema: 'fairlead/ledger-end@1', lines: lines.length - 1, digest })))
    throw new Error(`${by}: a byte is another than was written`);
  return lines.slice(0, -1).flatMap((line) => {
    const kept = parse(line, by);
    if (kept.payload === undefined) return { ...kept, of: kept.instance, by };
    const { instance, at, agent, server } = openReceipt(kept, keys, by);
    return [
      { ...agent, of: instance, at, by },
      { ...server, of: null, at, by },
    ];
  });
}

/** Of the role timestamp, which the server holds, by their ids; RFC 8410 says what stands before the bytes of one. */
function keysOf(roots: readonly Named[]): Json {
  const keys: Json = {};
  for (const { name, bytes } of roots) {
    const { signed } = parse(bytes, name);
    for (const id of signed.roles.timestamp.keyids) {
      const der = Buffer.from(`302a300506032b6570032100${signed.keys[id].keyval.public}`, 'hex');
      keys[id] = createPublicKey({ key: der, format: 'der', type: 'spki' });
    }
  }
  return keys;
}

const RECEIPT = 'application/vnd.fairlead.receipt+json';

/** DSSE: what is signed is the type and the payload, each with its length before it. */
function openReceipt({ payload, payloadType, signatures }: Json, keys: Json, by: string): Json {
  const bytes = Buffer.from(payload, 'base64');
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${RECEIPT.length} ${RECEIPT} ${bytes.length} `), bytes]);
  const key = keys[signatures[0].keyid];
  const isSigned = key !== undefined && verify(null, signed, key, Buffer.from(signatures[0].sig, 'base64'));
  if (payloadType === RECEIPT && isSigned) return parse(bytes, by);
  throw new Error(`${by}: a receipt that no key of a --root signed`);
}

/** What a restore took away it explains itself, and nothing that was told later. */
function holdHead({ name, digests, restores }: Json, { count, digest, at, by }: Json): string[] {
  if (digests[count - 1] === digest) return [];
  const told = (restore: Json) => Date.parse(at) <= Date.parse(restore.at) + 3_600_000;
  if (restores.some((restore: Json) => count >= restore.from && told(restore))) return [];
  return [`${name}: entry ${count} ${count > digests.length ? 'is missing' : 'is another'}, by ${by}`];
}

/** That this report was made, when each advisory was published, and how whoever left did. */
function holdServer({ name, entries }: Json, { advisories, installs }: Json, digest: string): string[] {
  const isMade = entries.some((e: Json) => e.action === 'report.made' && e.details.digest === digest);
  const told = [
    ...advisories.flatMap(({ id, revisions }: Json) =>
      revisions.map(({ entry, at }: Json) => ({ entry, at, action: 'publication.accepted', of: id })),
    ),
    ...installs.map(({ name: of, left }: Json) => ({ ...left, action: `instance.${left?.why}`, of })),
  ].map((one) => ({ ...one, found: entries[(one.entry?.sequence ?? 0) - 1] }));
  const wrong = told.filter(
    ({ entry, found, at, action }) => entry && (found?.action !== action || found.at !== at),
  );
  return [
    ...(isMade ? [] : [`${name}: it does not know this report`]),
    ...wrong.map(({ action, of }) => `${name}: it tells ${action} of ${of} otherwise`),
  ];
}

/** Each deployment that the report calls a fix began by that plan, and was committed. */
function holdInstall({ name, instance, entries }: Json, { installs }: Json): string[] {
  const has = (event: string, id: number, key: string, value: string) =>
    entries.some((e: Json) => e.event === event && e.details.change === id && e.details[key] === value);
  const mine = installs.filter(({ id }: Json) => id === instance).flatMap(({ cases }: Json) => cases);
  return mine
    .flatMap(({ fixed }: Json) => fixed?.record ?? [])
    .filter(
      ({ id, plan }: Json) =>
        !has('deployment-started', id, 'plan', plan) || !has('deployment-ended', id, 'state', 'committed'),
    )
    .map(({ id }: Json) => `${name}: it tells deployment ${id} otherwise, or not at all`);
}

if (import.meta.main) {
  const options = { root: { type: 'string', multiple: true } } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const shown = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  const read = (name: string) => ({ name, bytes: readFileSync(name) });
  try {
    const [report = '', ...others] = positionals;
    const { held, problems } = verifyReport(read(report), others.map(read), (values.root ?? []).map(read));
    for (const line of [...held, ...problems.map((one) => `WRONG: ${one}`)]) console.log(shown(line));
    console.log(problems.length === 0 ? 'all of it fits' : 'do not rely on it');
    process.exitCode = problems.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(shown(String(error)));
    process.exitCode = 1;
  }
}
