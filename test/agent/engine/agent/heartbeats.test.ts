// Heartbeats of an agent: sent where a report would say the same, and never in place of one that would not.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EMPTY_OUTBOX, type Outbox } from '../../../../agent/core/outbox.ts';
import { createReporter } from '../../../../agent/engine/agent/reporter.ts';
import type { Sent, ServerChannel } from '../../../../agent/ports/server.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { LedgerClaim } from '../../../../shared/protocol/receipt.ts';
import { OPTIONAL_PARTS, type Report } from '../../../../shared/protocol/report.ts';
import type { DeploymentRecord, Fix } from '../../../../shared/schema/deployment.ts';
import { digestOfText } from '../../../support/publications.ts';
import { recordOf, reportOf } from '../../../support/reports.ts';

const URL = 'https://vendor.test';
const GONE = new FairleadError('transport/unreachable', { url: URL, problem: 'gone' });
const NOT_FOUND = new FairleadError('transport/refused', { url: URL, status: 404, problem: 'nothing here' });

const REFUSED = new FairleadError('transport/refused', { url: URL, status: 400, problem: 'no such key' });

type Line = 'whole' | 'gone' | 'loses-answers';

/** As far as agents see one; an earlier one keeps no digests, and leaves what it finds of them. */
function createServer() {
  const held = { sequence: 0, track: '', digest: null as string | null };
  const world = {
    ...{ held, line: 'whole' as Line, knowsBeats: true, told: [] as string[] },
    reads: [] as Sent['reads'],
    facts: [] as unknown[],
    /** How many were told of with each report. */
    fixes: [] as number[],
    fetched: [] as number[],
    sent: '',
    /** What the witness wants to say, and what it was answered. */
    claim: null as LedgerClaim | null,
    claimed: [] as unknown[],
    witnessed: [] as unknown[],
  };
  const answer = (more: Partial<Sent> = {}): Sent => {
    if (world.line === 'loses-answers') throw GONE;
    return {
      sequence: held.sequence,
      held: null,
      reads: world.reads,
      proposals: null,
      twinsHeard: null,
      ...more,
    };
  };
  const channel: Pick<ServerChannel, 'beat' | 'send'> = {
    async send({ sequence, track, at, records, facts, ledger, decision }: Report) {
      if (world.line === 'gone') throw GONE;
      // As every earlier server does with what it does not know.
      if (facts !== undefined && !world.reads.includes('facts')) throw REFUSED;
      if (ledger !== undefined && !world.reads.includes('ledger')) throw REFUSED;
      const fixes = [decision?.fix, ...records.map(({ fix }) => fix)].filter((one) => one !== undefined);
      if (fixes.length > 0 && !world.reads.includes('fixes')) throw REFUSED;
      const fetched = records.flatMap((record) => record.fetched ?? []);
      if (fetched.length > 0 && !world.reads.includes('fetched')) throw REFUSED;
      world.fetched.push(fetched.length);
      world.sent += JSON.stringify(records);
      world.fixes.push(fixes.length);
      world.claimed.push(ledger?.count);
      world.facts.push(facts);
      world.told.push(records.length > 0 ? `report of ${track} with a record` : `report of ${track}`);
      // It never comes twice here: another report has this number.
      if (sequence === held.sequence) return answer({ sequence: sequence + 1 });
      if (sequence < held.sequence) return answer();
      Object.assign(held, { sequence, track });
      if (!world.knowsBeats) return answer();
      held.digest = `${track} at ${at} as ${sequence}`;
      return answer({ held: held.digest });
    },
    async beat({ sequence, report }) {
      if (world.line === 'gone') throw GONE;
      if (!world.knowsBeats) throw NOT_FOUND;
      world.told.push('heartbeat');
      if (sequence <= held.sequence) return { ...answer(), wantsWhole: true };
      if (report !== held.digest) return { ...answer(), wantsWhole: true };
      held.sequence = sequence;
      return { ...answer(), wantsWhole: false };
    },
  };
  const witness = {
    claim: async () => world.claim,
    take: async (_: unknown, { count }: LedgerClaim) => {
      world.witnessed.push(count);
      world.claim = null;
    },
    noteRestored: async () => undefined,
  };
  return { world, channel, witness };
}

function createInstall() {
  const server = createServer();
  const disk = {
    outbox: EMPTY_OUTBOX as Outbox,
    records: [] as Report['records'],
    track: 'a',
    looks: 0,
    decision: null as Report['decision'],
  };
  const start = () =>
    createReporter({
      channel: server.channel,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      records: async () => disk.records,
      observe: async () => {
        const decision = disk.decision === null ? {} : { decision: disk.decision };
        const { sequence: _, records: __, ...state } = reportOf(1, { track: disk.track, ...decision });
        return {
          ...state,
          facts: { region: ['eu'] },
          at: `2026-11-20T12:00:${String(disk.looks++ % 60).padStart(2, '0')}Z`,
        };
      },
      outbox: {
        read: async () => disk.outbox,
        write: async (state: Outbox) => {
          disk.outbox = state;
        },
        damage: async () => null,
      },
      onMark: () => undefined,
      witness: server.witness,
      isOff: async () => false,
    });
  const agent = { reporter: start() };
  return {
    ...{ disk, server: server.world },
    restart: () => {
      agent.reporter = start();
    },
    report: async () => {
      agent.reporter.request();
      await agent.reporter.settled();
    },
  };
}

const FIX: Fix = { by: 'policy', advisories: ['FL-1'], beside: [] };

it('tells of a fix a server that reads of it, and says again what it left out before it knew', async () => {
  const { disk, server, report, restart } = createInstall();
  disk.decision = { verdict: 'apply', target: null, blockers: [], exposed: [], fix: FIX };
  disk.records = [{ ...recordOf(1, 'committed'), fix: FIX }];
  server.reads = ['fixes'];

  await report();

  expect(server.fixes).toEqual([0, 2]);
  expect(disk.outbox.delivered).toMatchObject({ record: 1 });
  restart();
  disk.records = [...disk.records, recordOf(2, 'committed')];
  await report();
  expect(server.fixes).toEqual([0, 2, 0]);
});

it.each([
  ['tells a server that reads of it', ['fetched'] as const, [0, 1]],
  ['leaves out before an earlier one', [], [0]],
])('%s how the files came', async (_what, reads, told) => {
  const { disk, server, report } = createInstall();
  const fetched = [{ component: 'core/auth' as never, way: 'patch' as const, bytes: 9_604 }];
  disk.records = [{ ...recordOf(1, 'committed'), fetched }];
  server.reads = reads;

  await report();

  expect(server.fetched).toEqual(told);
  expect(disk.outbox.delivered).toMatchObject({ record: 1 });
});

it('keeps what services wrote that ran once, and how fast its registries were', async () => {
  const { disk, server, report } = createInstall();
  const ran = { component: 'core/auth' as never, service: 'migrate', exitStatus: 0, ms: 1, limitMs: 2 };
  const record: DeploymentRecord = {
    ...recordOf(1, 'committed'),
    once: [{ ...ran, lastLines: ['hello'] }],
    pulled: { bytes: 71_234_567, ms: 9 },
  };
  disk.records = [record];
  server.reads = [...OPTIONAL_PARTS];

  await report();

  expect(server.sent).not.toContain('hello');
  expect(server.sent).not.toContain('71234567');
  expect(disk.outbox.delivered).toMatchObject({ record: 1 });
});

it('leaves a fix out before an earlier server, which would take nothing else with it', async () => {
  const { disk, server, report } = createInstall();
  disk.decision = { verdict: 'apply', target: null, blockers: [], exposed: [], fix: FIX };
  disk.records = [{ ...recordOf(1, 'committed'), fix: FIX }];

  await report();
  await report();

  expect(server.told).toEqual(['report of a with a record', 'heartbeat']);
  expect(server.fixes).toEqual([0]);
});

it('tells everything once, and then that nothing else is to be said', async () => {
  const { disk, server, report } = createInstall();
  for (const track of ['a', 'a', 'a', 'b', 'b']) {
    disk.track = track;
    await report();
  }
  disk.records = [recordOf(1, 'committed')];
  await report();
  await report();

  expect(server.told).toEqual([
    ...['report of a', 'heartbeat', 'heartbeat', 'report of b', 'heartbeat'],
    ...['report of b with a record', 'heartbeat'],
  ]);
});

it('tells everything again where the server holds something else, and after a start', async () => {
  const { server, report, restart } = createInstall();
  await report();
  server.held.digest = 'of its twin';
  await report();
  restart();
  await report();

  expect(server.told).toEqual(['report of a', 'heartbeat', 'report of a', 'report of a']);
});

it('tells an earlier server everything each time, also one that takes the place of a newer', async () => {
  const { server, report } = createInstall();
  await report();
  server.knowsBeats = false;
  for (let i = 0; i < 3; i++) await report();

  expect(server.told).toEqual(Array(4).fill('report of a'));
});

const act = fc.oneof(
  fc.constantFrom('a', 'b', 'c').map((track) => ({ kind: 'changes', track }) as const),
  fc
    .constantFrom<Line>('whole', 'whole', 'gone', 'loses-answers')
    .map((line) => ({ kind: 'line', line }) as const),
  fc.boolean().map((knowsBeats) => ({ kind: 'server', knowsBeats }) as const),
  fc
    .constantFrom('restart', 'keep-server', 'restore-server', 'keep-disk', 'restore-disk', 'report')
    .map((kind) => ({ kind })),
);

it('leaves the server with what is so, whatever was lost, restored or exchanged before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const install = createInstall();
      const { disk, server } = install;
      let [keptServer, keptDisk] = [{ ...server.held }, disk.outbox];
      for (const one of acts) {
        if ('track' in one) disk.track = one.track;
        else if ('line' in one) server.line = one.line;
        else if ('knowsBeats' in one) server.knowsBeats = one.knowsBeats;
        else if (one.kind === 'restart') install.restart();
        else if (one.kind === 'keep-server') keptServer = { ...server.held };
        else if (one.kind === 'restore-server') Object.assign(server.held, keptServer);
        else if (one.kind === 'keep-disk') keptDisk = disk.outbox;
        else if (one.kind === 'restore-disk') {
          // Nobody restores a disk under an agent that runs.
          disk.outbox = keptDisk;
          install.restart();
        } else await install.report();
      }
      server.line = 'whole';

      await install.report();

      expect(server.held.track).toBe(disk.track);
    }),
    { numRuns: 300 },
  );
});

it('tells what it is to a server that reads it, and leaves it out again where an earlier one takes its place', async () => {
  const { server, report } = createInstall();
  await report();
  server.reads = ['facts'];
  server.held.digest = 'of its twin';
  await report();
  await report();
  server.reads = [];
  server.held.digest = 'of its twin';
  await report();
  await report();

  expect(server.facts).toEqual([undefined, undefined, { region: ['eu'] }, undefined]);
});

it('sends a whole report where the head of the log is owed, to a server that reads it, and heartbeats again after it', async () => {
  const { server, report } = createInstall();
  server.claim = { count: 7, digest: digestOfText('7'), seen: null };
  for (let i = 0; i < 2; i++) await report();
  expect([server.told, server.claimed]).toEqual([['report of a', 'heartbeat'], [undefined]]);

  server.reads = ['ledger'];
  server.held.digest = null;
  for (let i = 0; i < 3; i++) await report();
  expect(server.told.slice(2)).toEqual(['heartbeat', 'report of a', 'report of a', 'heartbeat']);
  expect([server.claimed.slice(1), server.witnessed]).toEqual([[undefined, 7], [7]]);
});
