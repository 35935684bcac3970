// The witness of an install: what it says of its log, what it keeps of the server's, and how it finds that one was written anew.
import { expect, it } from 'vitest';
import { KEPT_RECEIPTS, type ReceiptsFile, selectForks } from '../../../../agent/core/receipts.ts';
import { createWitness } from '../../../../agent/engine/agent/witness.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import type { Receipt } from '../../../../shared/protocol/receipt.ts';
import { readReceipt } from '../../../../shared/protocol/receipt.ts';
import { digestOfText, NOW } from '../../../support/publications.ts';
import { createSigningServer, rootOf } from '../../../support/receipts.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const others = (count: number) =>
  Array.from({ length: count }, (_, i) => digestOfText(`other ${i}`) as Digest);

function createInstall() {
  const disk = { file: null as ReceiptsFile | null, count: 3, now: NOW, root: rootOf('timestamp') };
  const noted: object[] = [];
  const server = createSigningServer('one');
  const boot = (instance = 'one') =>
    createWitness({
      instance,
      audit: {
        head: async () => ({
          schema: 'fairlead/audit-head@1',
          count: disk.count,
          digest: digestOfText(`own ${disk.count}`) as Digest,
        }),
      },
      ledger: { note: async (event) => void noted.push(event.details) },
      receipts: {
        read: async () => disk.file,
        write: async (file) => {
          disk.file = file;
        },
        damage: async () => null,
      },
      root: () => disk.root,
      clock: { now: () => disk.now, monotonic: () => disk.now, sleep: async () => undefined },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  let witness = boot();
  return {
    ...{ disk, noted, server },
    witness: () => witness,
    restart: (instance?: string) => {
      witness = boot(instance);
    },
    /** A report: what it says of the log, and the answer taken. */
    async report(instead: Partial<Receipt> = {}) {
      const claim = await witness.claim();
      if (claim !== null) await witness.take(await server.receiptFor(claim, disk.now, instead), claim);
      return claim;
    },
    kept: () => (disk.file?.kept ?? []).flatMap((one) => readReceipt(one) ?? []),
  };
}

it('names the head once, again when the log has moved, and after a day', async () => {
  const { disk, server, report } = createInstall();

  expect(await report()).toMatchObject({ count: 3, seen: null });
  expect(await report()).toBeNull();
  disk.count = 5;
  server.append('more');
  expect(await report()).toMatchObject({ count: 5, seen: { count: 10 } });
  disk.now += DAY_MS - 1;
  expect(await report()).toBeNull();
  disk.now += 1;
  expect(await report()).toMatchObject({ count: 5, seen: { count: 11 } });
});

it('asks a server that signs nothing once an hour', async () => {
  const { disk, witness } = createInstall();
  const claim = await witness().claim();
  if (claim === null) throw new Error('nothing was asked');
  // Looking at what would be said, as `fairlead outbox` does, asks nobody.
  expect(await witness().claim()).toEqual(claim);

  await witness().take(null, claim);
  expect(await witness().claim()).toBeNull();
  disk.now += HOUR_MS;
  expect(await witness().claim()).toEqual(claim);
});

it('keeps the first and the last of each day, of the newest four hundred', async () => {
  const { disk, report, kept } = createInstall();
  for (let i = 0; i < 3; i++) {
    disk.count++;
    await report();
  }
  expect(kept().map(({ agent }) => agent.count)).toEqual([4, 6]);
  for (let day = 0; day < KEPT_RECEIPTS; day++) {
    disk.now += DAY_MS;
    disk.count++;
    await report();
  }
  const counts = kept().map(({ agent }) => agent.count);
  expect([counts.length, counts[0], counts[1], counts.at(-1)]).toEqual([
    ...[KEPT_RECEIPTS, 4, 8],
    6 + KEPT_RECEIPTS,
  ]);
});

it('keeps nothing that another key signed, and nothing that answers another report', async () => {
  const { disk, server, report, kept, noted } = createInstall();
  const rightly = server.sign;
  server.sign = createSigningServer('one', 'snapshot').sign;
  await report();
  disk.now += HOUR_MS;
  server.sign = createSigningServer('two').sign;
  await report({ agent: { count: 2, digest: digestOfText('own 2') as Digest } });
  server.sign = rightly;
  disk.now += HOUR_MS;
  await report({ agent: { count: 9, digest: digestOfText('own 9') as Digest } });
  expect([kept(), noted]).toEqual([[], []]);
  disk.now += HOUR_MS;
  await report();
  expect(kept()).toHaveLength(1);
});

it.each<[string, (log: readonly Digest[]) => Digest[]]>([
  ['has another entry where the one was that it showed', (log) => [...log.slice(0, 7), ...others(5)]],
  ['ends before it', (log) => log.slice(0, 6)],
  ['ends there, with another', (log) => [...log.slice(0, 9), ...others(1)]],
])('finds a log of the server that %s', async (_, rewritten) => {
  const { disk, server, report, witness, noted, kept } = createInstall();
  await report();
  disk.count++;
  server.log = rewritten(server.log as Digest[]);
  await report();

  const seen = { count: 10, digest: digestOfText('entry 10') };
  expect(await witness().forks()).toMatchObject([{ seen, restored: null }]);
  expect(JSON.stringify(noted)).toContain('no longer has its entry 10');
  // Both are kept: together they prove it.
  expect(kept()).toHaveLength(2);
  disk.count++;
  await report();
  expect(noted).toHaveLength(1);
});

it('finds a server that says one thing of its end and another of what stands there', async () => {
  const { disk, report, witness } = createInstall();
  await report();
  disk.count++;
  await report({ server: { count: 10, digest: digestOfText('another') as Digest } });
  expect(await witness().forks()).toHaveLength(1);
});

it('says when the server came out of a backup where that explains it, and not where it does not', async () => {
  const { disk, server, report, witness } = createInstall();
  await report();
  disk.now += HOUR_MS;
  disk.count++;
  server.restoreTo(8, disk.now);
  await report();
  expect((await witness().forks()).map(({ restored }) => restored)).toEqual(['2026-11-20T13:00:00.000Z']);

  // A restore takes nothing away that was shown after it.
  disk.now += HOUR_MS;
  disk.count++;
  await report();
  server.log.splice(8, 1, digestOfText('rewritten'));
  disk.now += HOUR_MS;
  disk.count++;
  await report();
  expect((await witness().forks()).map(({ restored }) => restored)).toEqual([
    '2026-11-20T13:00:00.000Z',
    null,
  ]);
  expect(selectForks(disk.file, disk.now + 31 * DAY_MS)).toEqual([]);
});

it('says which of two restores took away what it saw, where it was away for both', async () => {
  const { disk, server, report, witness } = createInstall();
  await report();
  const first = disk.now + HOUR_MS;
  server.restoreTo(8, first);
  for (let i = 0; i < 5; i++) server.append(`since ${i}`);
  server.restoreTo(12, first + HOUR_MS);
  disk.now += DAY_MS;
  await report();
  expect((await witness().forks()).map(({ restored }) => restored)).toEqual(['2026-11-20T13:00:00.000Z']);
});

it('says that its state came out of a backup, in its log and to the server, until that has heard it', async () => {
  const { disk, witness, report, restart, noted } = createInstall();
  await witness().noteRestored(40);
  await witness().noteRestored(41);
  expect(noted).toEqual([{ restored: 'its state came out of a backup', reports: 40 }]);
  expect(await report()).toMatchObject({ restored: true });
  disk.count++;
  expect(await report()).not.toHaveProperty('restored');
  restart();
  disk.count++;
  expect(await report()).not.toHaveProperty('restored');
});

it('begins anew where the install is another', async () => {
  const { disk, restart, report, server, witness } = createInstall();
  await report();
  restart('two');
  expect(await witness().claim()).toMatchObject({ seen: null });
  const claim = await witness().claim();
  const envelope = await createSigningServer('two').receiptFor(claim ?? (undefined as never), disk.now);
  await witness().take(envelope, claim ?? (undefined as never));
  expect(disk.file).toMatchObject({ instance: 'two', kept: [envelope] });
  expect(server.log).toHaveLength(10);
});

it('goes on beside receipts that somebody made unreadable', async () => {
  const { disk, report, witness } = createInstall();
  await report();
  const broken = (disk.file?.kept ?? []).map((one) => ({ ...one, payload: '' }));
  const forks = [{ found: '2026-11-20T12:00:00Z', before: broken[0], after: broken[0] }];
  disk.file = { ...disk.file, kept: broken, forks } as ReceiptsFile;
  expect(await witness().forks()).toEqual([]);
  disk.count++;
  expect(await report()).toMatchObject({ seen: null });
  expect(disk.file?.kept).toHaveLength(2);
});
