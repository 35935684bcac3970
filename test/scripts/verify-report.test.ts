// The program that verifies a report with nothing of ours: what is whole fits, what somebody changed is found, byte by byte and lie by lie.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditEvent, chainEntry } from '../../agent/core/audit-chain.ts';
import { verifyReport } from '../../scripts/verify-report.ts';
import { logLines } from '../../server/cli/ledger.ts';
import { noteAdvisories } from '../../server/db/advisory-revisions.ts';
import { readAuditHead } from '../../server/db/audit-chain.ts';
import { advisoriesIn } from '../../server/repository/public-files.ts';
import { createReceiptSigner } from '../../server/repository/receipt-signer.ts';
import { fromUtf8, toHex, utf8 } from '../../shared/encoding/bytes.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../shared/encoding/instant.ts';
import { formatHead, formatKept } from '../../shared/protocol/ledger-files.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../shared/schema/audit-chain.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { parseVersion } from '../../shared/version/version.ts';
import { advisoryOf, digestOfText, NOW, testKey } from '../support/publications.ts';
import { publishVersions } from '../support/published-versions.ts';
import type { ReleaseServer } from '../support/release-server.ts';
import { recordOf } from '../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../support/server-agent.ts';
import { startTestServer, type TestServer } from '../support/server-under-test.ts';
import { createBench } from '../support/vendor.ts';

const AUTH = 'core/auth' as ComponentKey;
const HOLE = 'FL-2026-0003';
const MINUTE = 60_000;
const PLAN = digestOfText('plan');
const at = (minutes: number) => formatInstantMs(NOW + minutes * MINUTE);

let dir = '';
const files = new Map<string, Buffer>();
const LOGS = ['server.jsonl', 'install.jsonl', 'heads.jsonl', 'receipts.jsonl'] as const;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-verify-'));
  const server = await startTestServer();
  try {
    await live(server);
  } finally {
    await server.close();
  }
  for (const [name, bytes] of files) writeFileSync(join(dir, name), bytes);
});
afterAll(() => rm(dir, { recursive: true }));

/** One install that takes the fix, one that is retired with the hole; then the report, then all logs. */
async function live(server: TestServer): Promise<void> {
  await publishVersions(server, ['1.0.0', '1.0.1'], [advisoryOf(HOLE)]);
  const { db, publisher } = server.context;
  await noteAdvisories(db, advisoriesIn(server.store, publisher.published()), server.now);
  const [agent, gone] = [await enrolAgent(server, 'one'), await enrolAgent(server, 'gone')];
  const { log, head } = installLog(agent.instance);
  const running = (version: string) => ({
    component: AUTH,
    version: parseVersion(version),
    ...({ tree: digestOfText('tree'), health: 'healthy' } as const),
  });
  const tell = async (who: ServerAgent, sequence: number, minutes: number, more: object) => {
    server.now = NOW + minutes * MINUTE;
    expect((await who.report(sequence, more)).statusCode).toBe(200);
  };
  const steps = [{ component: AUTH, from: parseVersion('1.0.0'), to: parseVersion('1.0.1'), change: null }];
  const stages = [{ state: 'committed' as const, at: at(4) }];
  await tell(agent, 1, 1, { components: [running('1.0.0')] });
  await tell(gone, 1, 2, { components: [running('1.0.0')] });
  await tell(agent, 2, 5, {
    components: [running('1.0.1')],
    records: [recordOf(3, 'committed', null, { plan: PLAN, steps, stages })],
    ledger: { count: head.count, digest: head.digest, seen: null },
  });
  await server.app.inject({
    ...{ method: 'POST', url: `/api/v1/instances/${gone.instance}/retire`, payload: { reason: 'sold' } },
    headers: { ...(await server.bearer('operator')), 'if-match': '"1"' },
  });
  server.now += MINUTE;
  files.set('report.json', await makeReport(server));
  const lines: string[] = [];
  for await (const line of logLines(db)) lines.push(`${line}\n`);
  files.set('server.jsonl', Buffer.from(lines.join('')));
  files.set('install.jsonl', Buffer.from(log));
  const kept = { count: head.count, digest: head.digest as Digest };
  files.set(
    'heads.jsonl',
    Buffer.from(formatKept([formatHead({ instance: agent.instance, ...kept, at: at(5) })])),
  );
  const { count, digest } = await readAuditHead(db);
  const sign = createReceiptSigner(testKey('timestamp'));
  const said = { agent: kept, server: { count, digest: digest as Digest }, seen: null };
  const receipt = JSON.stringify(await sign(agent.instance, said, server.now));
  files.set('receipts.jsonl', Buffer.from(formatKept([receipt])));
}

function installLog(
  instance: string,
  { later = 0, more = [] }: { later?: number; more?: AuditEvent[] } = {},
) {
  const events: readonly AuditEvent[] = [
    { event: 'enrolled', actor: 'root', details: { instance } },
    { event: 'policy-changed', actor: 'anna', details: { text: 'channel auto' } },
    { event: 'deployment-started', actor: 'agent', details: { change: 3, plan: PLAN, reason: 'channel' } },
    { event: 'deployment-ended', actor: 'agent', details: { change: 3, state: 'committed', failure: null } },
    ...more,
  ];
  let head: AuditHead = EMPTY_AUDIT;
  const lines = events.map((event, i) => {
    const next = chainEntry(head, event, at(i + 1 + later));
    head = next.head;
    return `${fromUtf8(next.line)}\n`;
  });
  return { log: lines.join(''), head };
}

async function makeReport(server: TestServer): Promise<Buffer> {
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { authorization } = await server.bearer('operator');
  const [token, file] = [join(dir, 'token'), join(dir, 'made.json')];
  writeFileSync(token, authorization.replace('Bearer ', ''));
  const vendor = createBench(dir, { url } as ReleaseServer);
  const place = ['--server', url, '--token-file', token, '--format', 'json', '--output', file];
  const { status, err } = await vendor.run('report', 'cra', '2026-11', ...place);
  expect([status, err]).toEqual([0, expect.stringContaining("of the server's log")]);
  return readFile(file);
}

const ROOT = {
  name: 'root.json',
  bytes: utf8(
    JSON.stringify({
      signed: {
        roles: { timestamp: { keyids: [testKey('timestamp').keyid] } },
        keys: {
          [testKey('timestamp').keyid]: {
            keyval: { public: toHex(testKey('timestamp').secretKey.subarray(32)) },
          },
        },
      },
    }),
  ),
};
const named = (name: string, bytes = files.get(name)) => ({ name, bytes: new Uint8Array(bytes ?? []) });

/** What is wrong, whatever way it is said. */
function problemsOf(changed: Readonly<Record<string, Buffer>> = {}, without: readonly string[] = []) {
  const others = LOGS.filter((name) => !without.includes(name)).map((name) => named(name, changed[name]));
  try {
    return verifyReport(named('report.json', changed['report.json']), others, [ROOT]).problems;
  } catch (error) {
    return [(error as Error).message];
  }
}

it('finds that all of it fits', () => {
  expect(problemsOf()).toEqual([]);
  const { installs } = JSON.parse(String(files.get('report.json')));
  const states = installs.flatMap(({ cases }: { readonly cases: readonly { state: string }[] }) =>
    cases.map(({ state }) => state),
  );
  expect(states.sort()).toEqual(['fixed', 'left']);
});

it('finds a tampered byte wherever it is: changed, put in or taken out', () => {
  const every = ['report.json', ...LOGS];
  let missed = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...every),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('change', 'put in', 'take out'),
      (name, place, by, how) => {
        const bytes = files.get(name) ?? Buffer.alloc(0);
        const i = place % bytes.length;
        const byte = Buffer.from([(bytes[i] ?? 0) ^ by]);
        const [before, after] = [bytes.subarray(0, i), bytes.subarray(i + 1)];
        const middle =
          how === 'change'
            ? byte
            : how === 'put in'
              ? Buffer.concat([byte, bytes.subarray(i, i + 1)])
              : Buffer.alloc(0);
        if (problemsOf({ [name]: Buffer.concat([before, middle, after]) }).length === 0) missed++;
      },
    ),
    { numRuns: 1_000 },
  );
  expect(missed).toBe(0);
});

/** The report with something else in it, and whatever digests there are computed anew. */
function forged(change: (report: ReturnType<typeof JSON.parse>) => void): Buffer {
  const report = JSON.parse(String(files.get('report.json')));
  change(report);
  const { digest: _, ...rest } = report;
  const before = `${JSON.stringify(rest).slice(0, -1)},\n`;
  const digest = createHash('sha256').update(before).digest('hex');
  return Buffer.from(`${before}"digest":"sha256:${digest}"}\n`);
}

describe('a lie with all digests computed anew', () => {
  it.each([
    ['that nobody was exposed', (report) => report.installs.splice(0), 'the summary does not follow'],
    ['a faster fix', (report) => (caseOf(report).fixed.at = at(1)), 'the summary does not follow'],
    ['that all was known', (report) => (report.summary.partly = 0 - 1), 'the summary does not follow'],
    ['a fix by nothing', (report) => Object.assign(caseOf(report).fixed, NOTHING), 'speaks against itself'],
    ['a median', (report) => (report.summary.time.p50 = 1), 'the summary does not follow'],
    ['a fix that is none', (report) => (caseOf(report).ran[0].to = null), 'speaks against itself'],
    [
      'another plan',
      (report) => (caseOf(report).fixed.record.plan = digestOfText('another')),
      'it tells deployment 3 otherwise',
    ],
    [
      'another end of the install’s log',
      (report) => (installOf(report).head.digest = digestOfText('another')),
      'entry 4 is another, by report.json',
    ],
    [
      'another day of publication',
      (report) => (report.advisories[0].revisions[0].at = at(-9)),
      'it tells publication.accepted of FL-2026-0003 otherwise',
    ],
    [
      'another way to leave',
      (report) => (leftOf(report).left.at = at(-9)),
      'it tells instance.retired of gone otherwise',
    ],
    ['nothing but a name', (report) => (installOf(report).name = 'two'), 'it does not know this report'],
  ] as [string, (report: ReturnType<typeof JSON.parse>) => unknown, string][])('%s', (_, lie, problem) => {
    const problems = problemsOf({ 'report.json': forged(lie) });
    expect(problems.join('\n')).toContain(problem);
    expect(problems.join('\n')).toContain('it does not know this report');
  });
});

const NOTHING = { clock: 'server', version: null, record: null };
type Report = ReturnType<typeof JSON.parse>;
const installOf = (report: Report) => report.installs.find(({ name }: Report) => name === 'one');
const leftOf = (report: Report) => report.installs.find(({ name }: Report) => name === 'gone');
const caseOf = (report: Report) => installOf(report).cases[0];

/** What is said of the report where it names this log of the install, whose head is given as it was told. */
function verdictOf(
  { log, head }: ReturnType<typeof installLog>,
  change: (report: Report) => void = () => {},
  told: { readonly count: number; readonly at: string } = { count: head.count, at: at(5) },
) {
  const isKept = told.count === head.count;
  const claim = { count: told.count, digest: isKept ? head.digest : digestOfText('lost'), at: told.at };
  const report = forged((all) => {
    installOf(all).head = claim;
    change(all);
  });
  const others = [named('install.jsonl', Buffer.from(log))];
  return verifyReport(named('report.json', report), others, []);
}

const instanceIn = () => installOf(JSON.parse(String(files.get('report.json')))).id;
const byServer = (report: Report) => Object.assign(caseOf(report).fixed, { clock: 'server' });

describe('a fix', () => {
  it('is shown where the log of its install has the deployment at that time, and all else is said to be a word', () => {
    const { held, problems } = verdictOf(installLog(instanceIn()));
    expect([problems, held.join('\n')]).toEqual([[], expect.stringContaining('show 1 of 2 verdicts')]);
  });

  it('without a record is shown by nothing', () => {
    const { held, doubts } = verdictOf(installLog(instanceIn()), (report) => {
      byServer(report).record = null;
    });
    expect(doubts.join('\n')).toContain('no deployment is named as the one that fixed FL-2026-0003');
    expect(held.join('\n')).toContain('show 0 of 2 verdicts');
  });

  it('is none by a deployment of another time, nor by one that was over when the hole became known', () => {
    const before = installLog(instanceIn(), { later: -60 });
    expect(verdictOf(before).problems.join('\n')).toContain(`committed at ${at(-56)}, not at ${at(4)}`);
    // The clock of an install may be wrong, so its log alone does not say when that was.
    const { problems, doubts, shown } = verdictOf(before, byServer);
    expect([problems, doubts.join('\n'), shown.size]).toEqual([
      [],
      expect.stringContaining('by its own clock, before the hole was known'),
      0,
    ]);
    const told = { count: 4, at: at(-50) };
    expect(verdictOf(before, byServer, told).problems.join('\n')).toContain('was over before FL-2026-0003');
  });
});

describe('a restore', () => {
  const restored = (from: number): AuditEvent => ({
    ...{ event: 'agent-started', actor: 'agent' },
    details: { restored: 'its state came out of a backup', from, reports: 3 },
  });
  const lost = { count: 9, at: at(5) };

  it('is said where it explains that a log lost what was told of it', () => {
    const log = installLog(instanceIn(), { more: [restored(5)] });
    const { problems, doubts } = verdictOf(log, undefined, lost);
    expect(problems).toEqual([]);
    expect(doubts.join('\n')).toContain(`entry 9 is missing, by report.json; the log says of itself`);
  });

  it('explains nothing that it speaks of before it was, nor what was told after a later entry', () => {
    const early = installLog(instanceIn(), { more: [restored(6)] });
    expect(verdictOf(early, undefined, lost).problems.join('\n')).toContain('entry 9 is missing');
    const { event, actor } = restored(5);
    let head: AuditHead = EMPTY_AUDIT;
    const lines = [
      [{ event: 'enrolled', actor: 'root', details: { instance: instanceIn() } }, at(-600)],
      [restored(2), '2099-01-01T00:00:00.000Z'],
      [{ event, actor, details: {} }, at(-300)],
    ].map(([entry, time]) => {
      const next = chainEntry(head, entry as AuditEvent, time as string);
      head = next.head;
      return `${fromUtf8(next.line)}\n`;
    });
    const log = { log: lines.join(''), head };
    expect(verdictOf(log, undefined, lost).problems.join('\n')).toContain('entry 9 is missing');
  });
});

it('finds a log whose end was cut, and one of an install that the report does not know', () => {
  const lines = String(files.get('install.jsonl')).split('\n');
  const cut = Buffer.from(`${lines.slice(0, 3).join('\n')}\n`);
  expect(problemsOf({ 'install.jsonl': cut }).join('\n')).toContain('entry 4 is missing');
  const open = String(files.get('server.jsonl')).split('\n').slice(0, -2).join('\n');
  expect(problemsOf({ 'server.jsonl': Buffer.from(`${open}\n`) }).join('\n')).toContain('is missing');
  const other = installLog('8d0e2f6b-41a7-4c19-8e55-2b7d9c3f6a10').log;
  expect(problemsOf({ 'install.jsonl': Buffer.from(other) })).toContain(
    'install.jsonl: no head that is given is about this log',
  );
});

it('says what is shown by nothing where the log of the server is not there, and opens no receipt without a root', () => {
  const alone = verifyReport(named('report.json'), [], []);
  expect([alone.problems, alone.doubts.join('\n')]).toEqual([
    [],
    expect.stringContaining('the log of the server is not given'),
  ]);
  expect(() => verifyReport(named('report.json'), [named('receipts.jsonl')], [])).toThrow(
    'no key of a --root',
  );
  for (const rubbish of ['{}', '{"signed":{"roles":{"timestamp":{"keyids":["a"]}}}}']) {
    const root = { name: 'root.json', bytes: Buffer.from(rubbish) };
    const verify = () => verifyReport(named('report.json'), [named('receipts.jsonl')], [root]);
    expect(verify, rubbish).toThrow('root.json: it is no root');
  }
});

it('runs by itself, and says by its exit whether all fits', async () => {
  const run = promisify(execFile);
  writeFileSync(join(dir, 'root.json'), ROOT.bytes);
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'verify-report.ts');
  const argv = [script, 'report.json', ...LOGS, '--root', 'root.json'];
  const { stdout } = await run(process.execPath, argv, { cwd: dir });
  expect(stdout).toMatch(/show 1 of 2 verdicts.*\nall that the logs can show fits\n$/);
  const alone = run(process.execPath, [script, 'report.json'], { cwd: dir });
  await expect(alone).rejects.toMatchObject({
    code: 2,
    stdout: expect.stringContaining('UNSHOWN: who made'),
  });
  writeFileSync(
    join(dir, 'forged.json'),
    forged((report) => (installOf(report).name = '\u001b[2J')),
  );
  const forgedRun = run(process.execPath, [script, 'forged.json', 'server.jsonl'], { cwd: dir });
  await expect(forgedRun).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('WRONG: ') });
});
