// Two ledgers held against each other offline: whatever byte of either, or of what was kept of them, is another, it is found.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReceiptSigner } from '../../../server/repository/receipt-signer.ts';
import { fromUtf8, utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { readAgainst, verifyLedgerFile } from '../../../shared/node/ledger-files.ts';
import { formatHead, formatKept, formatLedgerEnd } from '../../../shared/protocol/ledger-files.ts';
import type { Restores } from '../../../shared/protocol/receipt.ts';
import { EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { INSTALL, installLog, serverLog, twoLedgers, withEnd } from '../../support/ledgers.ts';
import { NOW, testKey } from '../../support/publications.ts';
import { rootOf } from '../../support/receipts.ts';

const TAMPERINGS = Number(process.env.FAIRLEAD_TAMPERINGS ?? 200);
const SEED = Number(process.env.FAIRLEAD_TAMPERING_SEED ?? 20_261);
/** A million is the promise, in ten seconds; fewer show that it takes them in pieces. */
const ENTRIES = Number(process.env.FAIRLEAD_LEDGER_ENTRIES ?? 20_000);
const DAY_MS = 86_400_000;

type Files = Readonly<Record<'install' | 'server' | 'receipts' | 'heads', Uint8Array>>;

let whole: Files;
let directory = '';
beforeEach(() => {
  directory = temporaryDirectory();
  restore();
});
const restore = (names = Object.keys(whole) as (keyof Files)[]) => {
  for (const name of names) writeFileSync(join(directory, name), whole[name]);
};
beforeAll(async () => {
  const texts = await twoLedgers(24, 30, 6);
  whole = {
    ...{ install: utf8(texts.install), server: utf8(texts.server) },
    ...{ receipts: utf8(texts.receipts), heads: utf8(texts.heads) },
  };
});

const roots = async () => [rootOf('timestamp')];

/** As an auditor with all four files does it, of which these are another than they were. */
async function audit(changed: Partial<Files>) {
  for (const [name, bytes] of Object.entries(changed)) writeFileSync(join(directory, name), bytes);
  const path = (name: keyof Files) => join(directory, name);
  const kept = await readAgainst({ files: [path('receipts'), path('heads')], roots: [] }, roots);
  return {
    install: await verifyLedgerFile(path('install'), kept, EMPTY_AUDIT),
    server: await verifyLedgerFile(path('server'), kept, EMPTY_AUDIT),
  };
}

it('finds two whole ledgers whole, and says up to where the other side vouches for them', async () => {
  const found = await audit({});
  expect(found.install).toMatchObject({
    kind: 'install',
    head: { count: 24 },
    held: 12,
    reaches: 24,
    gone: [],
  });
  expect(found.server).toMatchObject({ kind: 'server', head: { count: 30 }, held: 6, reaches: 30, gone: [] });
});

describe('tampering', () => {
  /** https://prng.di.unimi.it/splitmix64.c, in 32 bits: the same numbers for one seed everywhere. */
  let state = SEED;
  const below = (bound: number): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % bound;
  };

  const linesOf = (bytes: Uint8Array) => fromUtf8(bytes).split('\n').slice(0, -1);
  const bytesOf = (lines: readonly string[]) => utf8(lines.map((one) => `${one}\n`).join(''));
  const BLIND: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
    'a bit flipped': (bytes) => {
      const changed = Uint8Array.from(bytes);
      const at = below(bytes.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << below(8));
      return changed;
    },
    'a byte dropped': (bytes) => {
      const at = below(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    },
    'a line dropped': (bytes) => {
      const lines = linesOf(bytes);
      return bytesOf(lines.toSpliced(below(lines.length), 1));
    },
    'two lines swapped': (bytes) => {
      const lines = linesOf(bytes);
      const [a, b] = [below(lines.length - 1), lines.length - 1];
      const other = a + 1 + below(b - a);
      return bytesOf(lines.with(a, lines[other] ?? '').with(other, lines[a] ?? ''));
    },
    'the end cut off': (bytes) => bytes.subarray(0, below(bytes.length)),
    'a line twice': (bytes) => {
      const lines = linesOf(bytes);
      const at = below(lines.length);
      return bytesOf(lines.toSpliced(at, 0, lines[at] ?? ''));
    },
  };

  /** By somebody who can write the file, and makes a chain of it again. */
  function told(bytes: Uint8Array, change: (entries: JsonObject[]) => JsonObject[]): Uint8Array {
    const entries = linesOf(bytes).map((text) => JSON.parse(text) as JsonObject);
    const hasEnd = entries.at(-1)?.schema === EMPTY_AUDIT.schema;
    let previous: string | null = null;
    const lines = change(hasEnd ? entries.slice(0, -1) : entries).map((entry, i) => {
      const line = fromUtf8(canonicalize({ ...entry, sequence: i + 1, previous }));
      previous = digestOf(utf8(line));
      return line;
    });
    const end = formatLedgerEnd({ ...EMPTY_AUDIT, count: lines.length, digest: previous as never });
    return bytesOf(hasEnd ? [...lines, end] : lines);
  }

  const KNOWING: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
    'an entry told otherwise': (bytes) =>
      told(bytes, (all) => {
        const at = below(all.length);
        return all.with(at, { ...all[at], actor: 'nobody' });
      }),
    'an entry taken out': (bytes) => told(bytes, (all) => all.toSpliced(below(all.length), 1)),
    'an entry put in': (bytes) =>
      told(bytes, (all) => {
        const at = below(all.length);
        return all.toSpliced(at, 0, { ...all[at], actor: 'nobody' });
      }),
    'the end told again': (bytes) => told(bytes, (all) => all.slice(0, below(all.length))),
  };

  it(`is found, ${TAMPERINGS} times of ${TAMPERINGS} (FAIRLEAD_TAMPERINGS, FAIRLEAD_TAMPERING_SEED)`, async () => {
    const missed: string[] = [];
    const done = new Map<string, number>();
    for (let nth = 0; nth < TAMPERINGS; nth++) {
      const isKnowing = below(3) === 0;
      const name =
        (['install', 'server', 'receipts', 'heads'] as const)[below(isKnowing ? 2 : 4)] ?? 'install';
      const ways = Object.entries(isKnowing ? KNOWING : BLIND);
      const [how, tamper] = ways[below(ways.length)] ?? ['', (bytes: Uint8Array) => bytes];
      const tampered = tamper(whole[name]);
      const outcome = await audit({ [name]: tampered }).catch((error: unknown) => error);
      restore([name]);
      if (!isFairleadError(outcome)) missed.push(`${nth}: ${how}, ${name}: ${String(outcome)}`);
      done.set(how, (done.get(how) ?? 0) + 1);
    }
    expect(missed).toEqual([]);
    if (TAMPERINGS >= 100) expect(done.size).toBe(Object.keys({ ...BLIND, ...KNOWING }).length);
  }, 600_000);
});

describe('what a restore took away', () => {
  const at = (days: number) => formatInstantMs(NOW + days * DAY_MS);
  const headOf = (log: ReturnType<typeof serverLog>, n: number) => {
    const { count, digest } = log[n - 1]?.head ?? EMPTY_AUDIT;
    return { count, digest: digest as never };
  };
  async function hold(
    log: string,
    kept: readonly (readonly [ReturnType<typeof serverLog>, number, number])[],
  ) {
    const path = join(directory, 'log');
    writeFileSync(path, log);
    const heads = kept.map(
      ([of, n, day]) =>
        ({ ...headOf(of, n), at: at(day), of: 'server', instance: INSTALL, kind: 'receipt' }) as const,
    );
    return verifyLedgerFile(path, heads, EMPTY_AUDIT);
  }
  const before = serverLog(Array.from({ length: 10 }, (_, i) => ({ action: 'a', subject: `${i}` })));
  const after = serverLog([
    ...Array.from({ length: 7 }, (_, i) => ({ action: 'a', subject: `${i}` })),
    { action: 'backup.restored', subject: 'backup 3', at: at(2) },
    ...Array.from({ length: 4 }, (_, i) => ({ action: 'b', subject: `${i}`, at: at(3) })),
  ]);

  it('is explained by its entry, which says when, and counted', async () => {
    expect(
      await hold(withEnd(after), [
        [before, 5, 1],
        [before, 8, 1],
        [before, 10, 1],
        [after, 12, 3],
      ]),
    ).toMatchObject({
      ...{ held: 4, reaches: 12 },
      gone: [{ restored: at(2), from: 8, to: 10, heads: 2 }],
    });
  });

  it('is nothing that was told after it, nor what came before what came back', async () => {
    const code = async (kept: Parameters<typeof hold>[1]) =>
      (await rejectionOf(hold(withEnd(after), kept))).code;
    const other = serverLog(Array.from({ length: 10 }, (_, i) => ({ action: 'c', subject: `${i}` })));
    expect(await code([[other, 7, 1]])).toBe('audit/forked');
    expect(await code([[before, 9, 3]])).toBe('audit/forked');
  });

  it('of an install is what follows the entry that its log names, however often it started before it noticed', async () => {
    const lost = installLog(Array.from({ length: 9 }, (_, i) => `${i}`));
    let lines = installLog(Array.from({ length: 5 }, (_, i) => `${i}`)).map(
      ({ line }) => JSON.parse(line) as JsonObject,
    );
    const started = { ...lines[1], event: 'agent-started', at: at(2) };
    lines = [
      ...lines,
      { ...started, details: { version: '1' } },
      { ...started, details: { version: '1' } },
      { ...started, details: { restored: 'out of a backup', from: 6 } },
      ...lines.slice(1),
    ];
    let previous: string | null = null;
    const text = lines.map((entry, i) => {
      const line = fromUtf8(canonicalize({ ...entry, sequence: i + 1, previous }));
      previous = digestOf(utf8(line));
      return `${line}\n`;
    });
    const path = join(directory, 'install');
    writeFileSync(path, text.join(''));
    const heads = (n: number) => [
      { ...headOf(lost, n), at: at(1), of: 'install', instance: INSTALL, kind: 'head' } as const,
    ];
    for (const nth of [6, 8])
      expect(await verifyLedgerFile(path, heads(nth), EMPTY_AUDIT)).toMatchObject({
        gone: [{ from: nth, to: nth }],
      });
    expect(
      (await rejectionOf(verifyLedgerFile(path, [{ ...heads(5)[0], count: 4 } as never], EMPTY_AUDIT))).code,
    ).toBe('audit/forked');
  });
});

it('calls a log that ends before all that was told of it behind, and one that parts from it before forked', async () => {
  const log = installLog(Array.from({ length: 9 }, (_, i) => `${i}`));
  const other = installLog(Array.from({ length: 9 }, (_, i) => `other ${i}`));
  const path = join(directory, 'short');
  writeFileSync(
    path,
    log
      .slice(0, 5)
      .map(({ line }) => `${line}\n`)
      .join(''),
  );
  const of = (from: typeof log, n: number) => {
    const { count, digest } = from[n - 1]?.head ?? EMPTY_AUDIT;
    const at = formatInstantMs(NOW + n * DAY_MS);
    return {
      ...{ count, digest: digest as never, at },
      of: 'install',
      instance: INSTALL,
      kind: 'head',
    } as const;
  };
  const error = async (...heads: ReturnType<typeof of>[]) =>
    await rejectionOf(verifyLedgerFile(path, heads, EMPTY_AUDIT));
  expect(await error(of(log, 4), of(log, 9), of(log, 7))).toMatchObject({
    ...{ code: 'audit/behind', exit: 5 },
    data: { entries: 5, told: 9, at: formatInstantMs(NOW + 9 * DAY_MS) },
  });
  expect(await error(of(log, 9), of(other, 4))).toMatchObject({ code: 'audit/forked', data: { entry: 4 } });
});

it('refuses what is about another log, what is no ledger, and what nobody can read', async () => {
  const write = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(directory, name), bytes);
    return join(directory, name);
  };
  const heads = formatKept([
    formatHead({ instance: 'another', count: 3, digest: digestOf(utf8('x')), at: '2026-11-20T12:00:00Z' }),
  ]);
  const against = (...files: string[]) => readAgainst({ files, roots: [] }, roots);
  const verify = (path: string, kept: Parameters<typeof verifyLedgerFile>[1] = []) =>
    verifyLedgerFile(path, kept, EMPTY_AUDIT);
  const codes = async (...all: Promise<unknown>[]) =>
    Promise.all(all.map(async (one) => (await rejectionOf(one)).code));

  const install = write('install', whole.install);
  const other = await against(write('other', heads));
  expect(
    await codes(
      ...[verify(install, other), verify(write('receipts', whole.receipts)), verify(write('no', ''))],
      ...[verify(directory), verify(join(directory, 'none')), verify(write('long', 'x'.repeat(3 * 2 ** 20)))],
      ...[verify(write('text', 'hello\n')), verify(write('list', '[1]\n')), against(install)],
    ),
  ).toEqual([
    ...['audit/unrelated', 'audit/damaged', 'audit/damaged'],
    ...['disk/unreadable', 'file/missing', 'audit/damaged'],
    ...['audit/damaged', 'audit/damaged', 'audit/damaged'],
  ]);
  const strangers = async () => [rootOf('snapshot')];
  const unsigned = readAgainst({ files: [join(directory, 'receipts')], roots: [] }, strangers);
  expect(await codes(unsigned)).toEqual(['audit/unsigned']);
});

it('holds nothing against a file without a receipt or a head, and says so', async () => {
  const path = join(directory, 'heads');
  writeFileSync(path, formatKept([]));
  const whole = join(directory, 'receipts');
  expect((await rejectionOf(readAgainst({ files: [path], roots: [] }, roots))).code).toBe('audit/empty');
  expect((await rejectionOf(readAgainst({ files: [whole, path], roots: [] }, roots))).code).toBe(
    'audit/empty',
  );
});

it('takes the heads of a large fleet', async () => {
  const at = formatInstantMs(NOW);
  const log = installLog(['enrolled', 'more']);
  const { count, digest } = log[1]?.head ?? EMPTY_AUDIT;
  const ours = formatHead({ instance: INSTALL, count, digest: digest as Digest, at });
  const path = join(directory, 'many');
  writeFileSync(path, formatKept(Array.from({ length: 200_000 }, () => ours)));
  writeFileSync(join(directory, 'install'), log.map(({ line }) => `${line}\n`).join(''));

  const heads = await readAgainst({ files: [path], roots: [] }, roots);

  const found = await verifyLedgerFile(join(directory, 'install'), heads, EMPTY_AUDIT);
  expect(found).toMatchObject({ held: 200_000, reaches: 2 });
});

it('finds two receipts that speak against each other without any log', async () => {
  const [one, two] = [await twoLedgers(8, 10, 2), await twoLedgers(8, 10, 2, 'other')];
  const lines = (text: string) => text.split('\n').slice(0, -2);
  const last = (text: string) => lines(text).at(-1) ?? '';
  const path = join(directory, 'receipts');
  writeFileSync(path, formatKept([...lines(one.receipts), last(two.receipts)]));
  expect((await rejectionOf(readAgainst({ files: [path], roots: [] }, roots))).code).toBe('audit/forked');
});

describe('receipts of before and after restores of the server', () => {
  const at = (day: number) => formatInstantMs(NOW + day * DAY_MS);
  const head = (count: number, log: string) => ({ count, digest: digestOf(utf8(`${log} ${count}`)) });
  const sign = createReceiptSigner(testKey('timestamp'));
  const first = { at: at(2), count: 8 };
  const second = { at: at(3), count: 12 };

  async function read(restored: Restores | undefined, days = [1, 4]) {
    const agent = head(3, 'install');
    const told = { agent, server: head(20, 'after'), seen: head(10, 'after') };
    const lines = await Promise.all([
      sign(INSTALL, { agent, server: head(10, 'before'), seen: null }, NOW + (days[0] ?? 0) * DAY_MS),
      sign(INSTALL, restored === undefined ? told : { ...told, restored }, NOW + (days[1] ?? 0) * DAY_MS),
    ]);
    const path = join(directory, 'receipts');
    const codes: unknown[] = [];
    for (const order of [lines, lines.toReversed()]) {
      writeFileSync(path, formatKept(order.map((one) => JSON.stringify(one))));
      const outcome = await readAgainst({ files: [path], roots: [] }, roots).catch((error: unknown) => error);
      codes.push(isFairleadError(outcome) ? outcome.code : 'read');
    }
    expect(codes[0]).toBe(codes[1]);
    return codes[0];
  }

  it('speak against each other only where no restore between the two took the entry away', async () => {
    expect(await read([first, second])).toBe('read');
    expect(await read([second])).toBe('audit/forked');
    expect(await read([first, second], [2.5, 4])).toBe('audit/forked');
    expect(await read(undefined)).toBe('audit/forked');
  });
});

it(`reads ${ENTRIES} entries, a million of them in ten seconds (FAIRLEAD_LEDGER_ENTRIES)`, {
  timeout: 300_000,
}, async () => {
  const path = join(directory, 'long');
  let [previous, piece]: [string | null, string] = [null, ''];
  for (let sequence = 1; sequence <= ENTRIES; sequence++) {
    const entry = { actor: 'test', action: 'token.created', at: formatInstantMs(NOW), details: { sequence } };
    const line = JSON.stringify({ ...entry, subject: 'a token of some length', sequence, previous });
    previous = digestOf(utf8(line));
    piece += `${line}\n`;
    if (piece.length > 2 ** 20 || sequence === ENTRIES) {
      appendFileSync(path, piece);
      piece = '';
    }
  }
  appendFileSync(path, `${formatLedgerEnd({ ...EMPTY_AUDIT, count: ENTRIES, digest: previous as never })}\n`);

  const before = process.cpuUsage();
  const found = await verifyLedgerFile(path, [], EMPTY_AUDIT);
  // What else the machine does is no time of ours.
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1_000;

  expect(found.head.count).toBe(ENTRIES);
  if (ENTRIES >= 1_000_000) expect(tookMs).toBeLessThan(10_000 * (ENTRIES / 1_000_000));
});
