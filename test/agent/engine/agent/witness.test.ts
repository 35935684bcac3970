// The witness of an install: what it says of its log, what it keeps of the server's, and how it finds that one was written anew.
import { expect, it } from 'vitest';
import {
  everyReceipt,
  KEPT_FORKS,
  KEPT_RECEIPTS,
  keepReceipt,
  MOST_A_DAY,
  type ReceiptsFile,
  selectForks,
  WHOLE_DAYS,
} from '../../../../agent/core/receipts.ts';
import { createWitness } from '../../../../agent/engine/agent/witness.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../../shared/encoding/instant.ts';
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
  const warned: string[] = [];
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
      log: { info: () => undefined, warn: (_data, text) => void warned.push(text), error: () => undefined },
    });
  let witness = boot();
  return {
    ...{ disk, noted, warned, server },
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
    kept: () => (disk.file?.kept ?? []).flatMap(({ signed }) => readReceipt(signed) ?? []),
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

it.each<[unknown]>([
  ['rubbish'],
  [[]],
  [{ payload: 5 }],
  [{ payload: '!', payloadType: 'x', signatures: [] }],
])('keeps nothing that is no receipt, says so, and keeps the next: %j', async (rubbish) => {
  const { disk, witness, warned, report, kept } = createInstall();
  const claim = await witness().claim();
  if (claim === null) throw new Error('nothing was asked');

  await witness().take(rubbish, claim);

  expect(disk.file).toBeNull();
  expect(warned).toEqual([expect.stringContaining('cannot be read')]);
  disk.count++;
  await report();
  expect(kept()).toHaveLength(1);
});

it('keeps every receipt of a week, and of each day before it the first and the last', async () => {
  const { disk, report, kept } = createInstall();
  for (let i = 0; i < 3; i++) {
    disk.count++;
    await report();
  }
  disk.now += (WHOLE_DAYS - 1) * DAY_MS;
  disk.count++;
  await report();
  expect(kept().map(({ agent }) => agent.count)).toEqual([4, 5, 6, 7]);
  disk.now += DAY_MS;
  disk.count++;
  await report();
  expect(kept().map(({ agent }) => agent.count)).toEqual([4, 6, 7, 8]);
});

it('keeps so many and no more, the very first among them', async () => {
  const { disk, report } = createInstall();
  await report();
  const signed = disk.file!.kept[0]!.signed;
  let file = disk.file!;
  for (let day = 1; day < KEPT_RECEIPTS + 3; day++)
    file = keepReceipt(file, signed, { now: NOW + day * DAY_MS, isFork: false });
  const { kept } = file;
  expect(kept.map(({ nth }) => nth)).toEqual([
    1,
    ...Array.from({ length: KEPT_RECEIPTS - 1 }, (_, i) => i + 5),
  ]);
});

it.each([
  ['is always the same', () => NOW],
  ['is another day each time', (nth: number) => NOW + nth * DAY_MS],
])('loses no receipt of a day to a flood of them whose time, by the server, %s', async (_, timeOf) => {
  const { disk, server, report, kept } = createInstall();
  const claimed = async (at: number) => {
    disk.count++;
    disk.now += 10_000;
    await report({ at: formatInstantMs(at) });
  };
  for (let nth = 0; nth < 10; nth++) await claimed(timeOf(nth));
  const lie = digestOfText('a lie');
  await report({ server: { count: 11, digest: lie as Digest } });
  server.append('another');
  for (let nth = 10; nth < 3 * MOST_A_DAY; nth++) await claimed(timeOf(nth));
  expect(kept()).toHaveLength(MOST_A_DAY);
  expect(kept().map(({ agent }) => agent.count)).toEqual([
    ...Array.from({ length: MOST_A_DAY - 1 }, (__, i) => 4 + i),
    disk.count,
  ]);
});

it('keeps the order in which they came, and its pace, where the clock of this machine is set back', async () => {
  const { disk, report, kept } = createInstall();
  for (const days of [2, 1, 2, 1, 0]) {
    disk.now = NOW + days * DAY_MS;
    disk.count++;
    await report();
  }
  expect(kept().map(({ agent }) => agent.count)).toEqual([4, 5, 6, 7, 8]);
  // A year ahead, by mistake: what was taken then is no reason to ask for nothing until then.
  disk.now = NOW + 365 * DAY_MS;
  disk.count++;
  await report();
  disk.now = NOW;
  expect(await report()).not.toBeNull();
});

it('takes a fork into its log once a day, however many a server signs, and keeps the first and the newest', async () => {
  const { disk, server, report, noted } = createInstall();
  const lie = async (nth: number) => {
    disk.count++;
    disk.now += 60_000;
    const count = server.log.length;
    await report({
      server: { count, digest: digestOfText(`lie ${nth}`) as Digest },
      at: formatInstantMs(NOW),
    });
  };
  for (let nth = 0; nth < 3 * KEPT_FORKS; nth++) await lie(nth);
  expect(noted).toHaveLength(1);
  const forks = disk.file?.forks ?? [];
  expect(forks.map(({ after }) => after.nth)).toEqual([
    2,
    ...Array.from({ length: KEPT_FORKS - 1 }, (_, i) => 2 * KEPT_FORKS + 2 + i),
  ]);
  disk.now += DAY_MS;
  await lie(0);
  expect(noted).toHaveLength(2);
});

it('hands out both halves of a fork, each receipt once, in the order in which they came', async () => {
  const { disk, server, report } = createInstall();
  await report();
  server.log = [...server.log.slice(0, 7), ...others(5)];
  for (let day = 0; day < 2 * WHOLE_DAYS; day++) {
    for (let nth = 0; nth < 4; nth++) {
      disk.count++;
      // One of the second day, which is neither the first of it nor the last.
      const isLie = day === 1 && nth === 1;
      await report(isLie ? { server: { count: 12, digest: digestOfText('lie') as Digest } } : {});
    }
    disk.now += DAY_MS;
  }
  const { kept, forks } = disk.file as ReceiptsFile;
  const inForks = forks.flatMap(({ before, after }) => [before, after]);
  expect(inForks.some(({ nth }) => kept.every((one) => one.nth !== nth))).toBe(true);
  const all = everyReceipt(disk.file as ReceiptsFile);
  const counts = all.map((one) => readReceipt(one)?.agent.count ?? 0);
  expect(counts).toEqual([...new Set(counts)].toSorted((a, b) => a - b));
  for (const { signed } of [...kept, ...inForks]) expect(all).toContainEqual(signed);
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
  expect(noted).toEqual([{ restored: 'its state came out of a backup', reports: 40, from: 1 }]);
  expect(await report()).toMatchObject({ restored: true });
  disk.count++;
  expect(await report()).not.toHaveProperty('restored');
  restart();
  disk.count++;
  expect(await report()).not.toHaveProperty('restored');
});

it('says in its log after which entry the server may have seen another, and to the server after a restart too', async () => {
  const { disk, witness, report, restart, noted } = createInstall();
  disk.count = 7;
  await report();
  disk.count = 9;
  restart();
  disk.count = 12;
  await witness().noteRestored(40);
  expect(noted).toEqual([{ restored: 'its state came out of a backup', reports: 40, from: 8 }]);
  restart();
  expect(await witness().claim()).toMatchObject({ restored: true });
  // A server that signs nothing has heard it all the same.
  await witness().take(null, { ...(await witness().claim())! });
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
  expect(disk.file).toMatchObject({ instance: 'two', kept: [{ nth: 1, signed: envelope }] });
  expect(server.log).toHaveLength(10);
});

it('goes on beside receipts that somebody made unreadable', async () => {
  const { disk, report, witness } = createInstall();
  await report();
  const broken = (disk.file?.kept ?? []).map((one) => ({ ...one, signed: { ...one.signed, payload: '' } }));
  const forks = [{ before: broken[0], after: broken[0] }];
  disk.file = { ...disk.file, kept: broken, forks } as ReceiptsFile;
  expect(await witness().forks()).toEqual([]);
  disk.count++;
  expect(await report()).toMatchObject({ seen: null });
  expect(disk.file?.kept).toHaveLength(2);
});
