// Verifies a compliance report offline, with nothing of Fairlead: its bytes, its numbers, and what it says of both logs, by the logs.
//
// node scripts/verify-report.ts REPORT [FILE…] [--root ROOT…]
// FILE: exported logs of installs and of the server, files of heads and of receipts. ROOT: root metadata whose keys signed the receipts.
// docs/reference/compliance-report.md says what is checked here and why, so that anybody can write another.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import {
  endOf,
  isText,
  type Json,
  keysOf,
  linesOf,
  type Named,
  parse,
  readKept,
  readLedger,
} from './verify-ledgers.ts';

/** `problems` speak against it, `doubts` are what it says and nothing given shows, `held` is what it was held against. */
interface Verdict {
  readonly held: string[];
  readonly doubts: string[];
  readonly problems: string[];
  /** Cases that the log of their install shows. */
  readonly shown: Set<Json>;
}

/** Throws where a file is none of these, or a byte of it is another than was written. */
export function verifyReport(file: Named, others: readonly Named[], roots: readonly Named[]): Verdict {
  const { last, digest } = endOf(linesOf(file.name, file.bytes), file.bytes);
  const isWhole = isText(last, `"digest":"${digest}"}`);
  if (!isWhole) throw new Error(`${file.name}: a byte is another than was written, or it is no report`);
  const report = parse(file.bytes, file.name);
  if (report.schema !== 'fairlead/compliance-report@1') throw new Error(`${file.name}: it is no report`);
  const verdict: Verdict = { held: [], doubts: [], problems: checkNumbers(report), shown: new Set() };
  const { held, doubts, problems, shown } = verdict;
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
    for (const head of mine) holdHead(log, head, verdict);
    if (log.instance === null) problems.push(...holdServer(log, report, digest));
    else holdInstall(log, report, mine, verdict);
    const reach = mine.reduce((most, { count }) => Math.max(most, count), 0);
    const after = Math.max(0, log.entries.length - reach);
    held.push(`${log.name}: ${log.entries.length} entries by ${mine.length} heads, and ${after} after them`);
  }
  const all = report.installs.length * report.advisories.length;
  held.push(
    `the logs of installs show ${shown.size} of ${all} verdicts: the others are the server's word alone`,
  );
  if (!ledgers.some(({ instance }) => instance === null))
    doubts.push('who made this report, and that it was made then: the log of the server is not given');
  return verdict;
}

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
  const first = Math.min(...advisories.map(({ published }: Json) => Date.parse(published)), Number.MAX_VALUE);
  const isUnheard = ({ known: from, to }: Json) => from === null || Date.parse(from) >= Date.parse(to);
  const expected = {
    installs: new Set(installs.map(({ id }: Json) => id)).size,
    affected: new Set(installs.filter(({ cases }: Json) => cases.length > 0).map(({ id }: Json) => id)).size,
    unheard: installs.filter(isUnheard).length,
    partly: installs.filter((one: Json) => !isUnheard(one) && isPartly(one, first)).length,
    ...countOf(rows),
    byAdvisory: known.map((advisory: Json) => ({ advisory, ...countOf(of.get(advisory) ?? []) })),
  };
  if (!isDeepStrictEqual(expected, summary)) wrong.push('the summary does not follow from the rows');
  return wrong;
}

/** Silent to the end, or not known within a day of when it was there and there was an advisory. */
function isPartly({ known, from, silent }: Json, first: number): boolean {
  const begin = Math.max(Date.parse(from), first === Number.MAX_VALUE ? 0 : first);
  return Date.parse(known) > begin + 86_400_000 || silent.some(({ to }: Json) => to === null);
}

function isSound(install: Json, { state, fixed, unknown, since, ran, deferred }: Json): boolean {
  const isOpen = ran.some(({ to }: Json) => to === null);
  const isSilent = install.silent.some(({ to }: Json) => to === null);
  const isListed = deferred.every((place: number) => install.reasons[place] !== undefined);
  const isInTime = fixed === null || (!isOpen && Date.parse(fixed.at) >= Date.parse(since));
  const isProven = fixed === null || fixed.version !== null || fixed.record !== null;
  const isBelieved = isProven && (fixed?.clock !== 'install' || fixed.record !== null);
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

/** What a restore took away it explains, where it was told before whatever comes later in the log; that there was one nothing shows. */
function holdHead({ name, digests, restores }: Json, { count, digest, at, by }: Json, verdict: Verdict) {
  if (digests[count - 1] === digest) return;
  const what = `${name}: entry ${count} ${count > digests.length ? 'is missing' : 'is another'}, by ${by}`;
  const restore = restores.find(
    ({ from, sequence, earliest }: Json) =>
      from <= sequence && count >= from && Date.parse(at) <= earliest + 3_600_000,
  );
  if (restore === undefined) verdict.problems.push(what);
  else verdict.doubts.push(`${what}; the log says of itself that it was restored at ${restore.at}`);
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

/** Each deployment that the report calls a fix began by that plan, was committed when it says so, and not before there was a hole. */
function holdInstall({ name, instance, entries }: Json, { installs }: Json, heads: Json[], verdict: Verdict) {
  const mine = installs.filter(({ id }: Json) => id === instance).flatMap(({ cases }: Json) => cases);
  const find = (event: string, id: number, key: string, value: string) =>
    entries.find((e: Json) => e.event === event && e.details.change === id && e.details[key] === value);
  for (const one of mine.filter(({ fixed }: Json) => fixed !== null)) {
    const { id, plan } = one.fixed.record ?? {};
    const begun = find('deployment-started', id, 'plan', plan);
    const ended = find('deployment-ended', id, 'state', 'committed');
    if (one.fixed.record === null)
      verdict.doubts.push(`${name}: no deployment is named as the one that fixed ${one.advisory}`);
    else if (begun === undefined || ended === undefined)
      verdict.problems.push(`${name}: it tells deployment ${id} otherwise, or not at all`);
    else holdTimes({ name, id, begun, ended, heads }, one, verdict);
  }
}

/** Clocks that differ by no more are not called wrong. */
const GRACE_MS = 5 * 60_000;

function holdTimes({ name, id, begun, ended, heads }: Json, one: Json, { problems, doubts, shown }: Verdict) {
  const { since, fixed, advisory } = one;
  const [at, to] = [Date.parse(fixed.at), Date.parse(ended.at)];
  const isBy = at >= Date.parse(begun.at) - GRACE_MS && at <= to + GRACE_MS;
  const isOver = ({ count, at }: Json) => count >= ended.sequence && Date.parse(at) < Date.parse(since);
  if (heads.some(isOver))
    problems.push(`${name}: deployment ${id} was over before ${advisory} was a hole here`);
  else if (fixed.clock === 'install' && !isBy)
    problems.push(`${name}: deployment ${id} was committed at ${ended.at}, not at ${fixed.at}`);
  else if (to < Date.parse(since) - GRACE_MS)
    doubts.push(
      `${name}: deployment ${id} was over at ${ended.at} by its own clock, before the hole was known`,
    );
  else shown.add(one);
}

const ENDS = [
  'all that the logs can show fits',
  'do not rely on it',
  'nothing speaks against it, and not all of it is shown',
] as const;

if (import.meta.main) {
  const options = { root: { type: 'string', multiple: true } } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const shown = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  const read = (name: string) => ({ name, bytes: readFileSync(name) });
  try {
    const [report = '', ...others] = positionals;
    const files = [others.map(read), (values.root ?? []).map(read)] as const;
    const { held, doubts, problems } = verifyReport(read(report), ...files);
    for (const line of held) console.log(shown(line));
    for (const one of doubts) console.log(`UNSHOWN: ${shown(one)}`);
    for (const one of problems) console.log(`WRONG: ${shown(one)}`);
    process.exitCode = problems.length > 0 ? 1 : doubts.length > 0 ? 2 : 0;
    console.log(ENDS[process.exitCode]);
  } catch (error) {
    console.error(shown(String(error)));
    process.exitCode = 1;
  }
}
