// fairlead audit: every way to tamper with the record, and what betrays it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAuditFile } from '../../../agent/adapters/state/audit-file.ts';
import { createStateFiles } from '../../../agent/adapters/state/state-files.ts';
import { exportAudit, exportReceipts, verifyAudit } from '../../../agent/cli/commands/audit.ts';
import { setChannel } from '../../../agent/cli/commands/policy.ts';
import { type AuditEntry, chainEntry } from '../../../agent/core/audit-chain.ts';
import { noReceipts, type ReceiptsFile } from '../../../agent/core/receipts.ts';
import { createReceiptSigner } from '../../../server/repository/receipt-signer.ts';
import { parseCheckpoint } from '../../../shared/cli/values.ts';
import { fromUtf8, utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import type { DsseEnvelope } from '../../../shared/trust/dsse.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { installLog } from '../../support/ledgers.ts';
import { NOW, signRoot, testKey } from '../../support/publications.ts';
import { atTerminal } from '../../support/terminal.ts';

/** A log with some history, exported, and its checkpoint as an operator would note it. */
async function exported() {
  const terminal = await atTerminal('auto');
  const { context, lines } = terminal;
  await setChannel(context, 'manual', { reason: 'year end' });
  await setChannel(context, 'frozen', { reason: 'year end, really' });
  const file = join(temporaryDirectory(), 'audit.jsonl');
  await exportAudit(context, file);
  await verifyAudit(context, undefined, {});
  const checkpoint = parseCheckpoint(/--checkpoint (\S+)$/.exec(lines().at(-1) ?? '')?.[1] ?? '');
  const rewrite = (change: (lines: string[]) => string[]) =>
    writeFileSync(file, `${change(readFileSync(file, 'utf8').trimEnd().split('\n')).join('\n')}\n`);
  return { ...terminal, file, checkpoint, rewrite };
}

/** The whole history told anew by somebody who can write the file: every line chains to the one before. */
function restamped(lines: string[]): string[] {
  let head = EMPTY_AUDIT;
  return lines.map((text) => {
    const entry = JSON.parse(text.replace('year end', 'summer sale')) as AuditEntry;
    const next = chainEntry(head, entry, '2026-01-01T00:00:00.000Z');
    head = next.head;
    return fromUtf8(next.line);
  });
}

/** No agent runs on its new state directory. */
async function atRest() {
  const { context } = await atTerminal('auto');
  const error = new FairleadError('agent/not-running', { socket: '/s', start: 'start it' });
  return { ...context, stateDir: temporaryDirectory(), client: { call: () => Promise.reject(error) } };
}

describe('the audit log while no agent runs', () => {
  it('is exported and verified from the disk', async () => {
    const stopped = await atRest();
    const log = createAuditFile(stopped.stateDir, stopped.clock);
    await log.append({ event: 'agent-stopped', actor: 'agent', details: {} });
    const file = join(temporaryDirectory(), 'audit.jsonl');

    expect(await exportAudit(stopped, file)).toBe(0);
    expect(await verifyAudit(stopped, undefined, {})).toBe(0);

    expect(readFileSync(file, 'utf8')).toMatch(/"event":"agent-stopped"/);
  });

  it('is no whole log where it is gone with its checkpoint, nor where nothing was ever enrolled', async () => {
    const stopped = await atRest();
    const unknown = [
      await rejectionOf(verifyAudit(stopped, undefined, {})),
      await rejectionOf(exportAudit(stopped, undefined)),
    ];
    writeFileSync(join(stopped.stateDir, 'enrolment.json'), '{}');
    const lost = [
      await rejectionOf(verifyAudit(stopped, undefined, {})),
      await rejectionOf(exportAudit(stopped, undefined)),
    ];

    expect(unknown.map(({ code }) => code)).toEqual(['enrolment/missing', 'enrolment/missing']);
    expect(lost.map(({ code }) => code)).toEqual(['audit/damaged', 'audit/damaged']);
  });
});

describe('audit verify', () => {
  it('finds a copy without any line damaged', async () => {
    const { context, file } = await exported();
    writeFileSync(file, '');

    expect((await rejectionOf(verifyAudit(context, file, {}))).code).toBe('audit/damaged');
  });

  it('accepts the log and its export, alone and against a checkpoint', async () => {
    const { context, file, checkpoint } = await exported();

    expect(await verifyAudit(context, undefined, { checkpoint })).toBe(0);
    expect(await verifyAudit(context, file, { checkpoint })).toBe(0);
  });

  it('accepts a log that went on after the checkpoint', async () => {
    const { context, checkpoint, lines } = await exported();
    await setChannel(context, 'auto', { reason: 'january' });

    expect(await verifyAudit(context, undefined, { checkpoint })).toBe(0);
    expect(lines()).toContainEqual(expect.stringMatching(/still begins with the \d+ entries/));
  });

  it.each([
    ['an edit', (lines: string[]) => lines.map((line) => line.replace('"year end"', '"nothing"'))],
    ['an insertion', (lines: string[]) => [...lines.slice(0, 2), lines[1]!, ...lines.slice(2)]],
    ['a deletion', (lines: string[]) => lines.filter((_, index) => index !== 1)],
    ['another order', (lines: string[]) => [lines[1]!, lines[0]!, ...lines.slice(2)]],
    ['a line that is no entry', (lines: string[]) => [...lines, '{}']],
  ])('betrays %s without any help', async (_what, change) => {
    const { context, file, rewrite } = await exported();
    rewrite(change);

    expect((await rejectionOf(verifyAudit(context, file, {}))).code).toBe('audit/damaged');
  });

  it.each([
    ['an edit of the last entry', (lines: string[]) => lines.map((line) => line.replace('really', 'maybe'))],
    ['a cut-off end', (lines: string[]) => lines.slice(0, -1)],
    ['a new history', restamped],
    ['nothing left at all', () => []],
  ])('betrays %s by a checkpoint kept elsewhere', async (_what, change) => {
    const { context, file, checkpoint, rewrite } = await exported();
    rewrite(change);

    expect((await rejectionOf(verifyAudit(context, file, { checkpoint }))).code).toBe('audit/damaged');
  });

  it('cannot betray a new history without a checkpoint: which is why it prints one', async () => {
    const { context, file, rewrite } = await exported();
    rewrite(restamped);

    expect(await verifyAudit(context, file, {})).toBe(0);
  });

  it('says when the agent itself finds its log damaged', async () => {
    const { context, world } = await atTerminal('auto');
    const { FairleadError } = await import('../../../shared/errors/error.ts');
    world.auditError = new FairleadError('audit/damaged', { path: 'log', line: 2, problem: 'changed' });

    expect((await rejectionOf(verifyAudit(context, undefined, {}))).exit).toBe(1);
  });
});

describe('audit export', () => {
  it('never writes over a file', async () => {
    const { context, file } = await exported();

    expect((await rejectionOf(exportAudit(context, file))).code).toBe('file/exists');
  });
});

const keyHexOf = (name: string) => testKey(name).key.keyval.public;

describe('the receipts beside the log', () => {
  const online = { snapshot: keyHexOf('snapshot'), timestamp: keyHexOf('timestamp') };

  /** What a server signed of these lines, or somebody with another key; what it says of its own log is `server`. */
  async function receiptOf(lines: readonly string[], { by = 'timestamp', server = 'entry' } = {}) {
    const digest = digestOf(utf8(lines.at(-1) ?? ''));
    const { instance = 'one' } = JSON.parse(lines[0] ?? '').details as { instance?: string };
    const head = { count: 3, digest: digestOf(utf8(server)) };
    const witnessed = { agent: { count: lines.length, digest }, server: head, seen: null };
    return await createReceiptSigner(testKey(by))(instance, witnessed, NOW);
  }

  const fileOf = (receipts: readonly DsseEnvelope[]): ReceiptsFile => ({
    ...noReceipts('one'),
    kept: receipts.map((signed, i) => ({ nth: i + 1, taken: formatInstantMs(NOW), signed })),
  });

  /** An install at rest: its log, and on its disk whatever receipts. */
  async function installWith(lines: readonly string[], receipts: readonly DsseEnvelope[]) {
    const stopped = await atRest();
    const { stateDir } = stopped;
    mkdirSync(join(stateDir, 'audit'), { recursive: true });
    mkdirSync(join(stateDir, 'trust/root_history'), { recursive: true });
    writeFileSync(join(stateDir, 'audit/log.jsonl'), lines.map((line) => `${line}\n`).join(''));
    writeFileSync(join(stateDir, 'trust/root_history/1.root.json'), signRoot(online));
    await createStateFiles(stateDir, () => undefined).receipts.write(fileOf(receipts));
    return stopped;
  }

  const log = installLog(['a', 'b', 'c', 'd']).map(({ line }) => line);
  const rewritten = installLog(['a', 'b', 'another', 'd']).map(({ line }) => line);

  it('vouch for it, and betray one that was written anew', async () => {
    const receipts = [await receiptOf(log.slice(0, 2)), await receiptOf(log)];
    expect(await verifyAudit(await installWith(log, receipts), undefined, {})).toBe(0);
    const error = await rejectionOf(verifyAudit(await installWith(rewritten, receipts), undefined, {}));
    expect(error.code).toBe('audit/forked');
  });

  it('vouch for nothing that no server signed: a log that was written anew, and a receipt invented for it', async () => {
    const invented = await receiptOf(rewritten, { by: 'snapshot' });
    const error = await rejectionOf(verifyAudit(await installWith(rewritten, [invented]), undefined, {}));
    expect(error).toMatchObject({ code: 'audit/unsigned', data: { line: 1 } });
  });

  it('are opened with the roots that are given, where somebody put another on the disk', async () => {
    const stopped = await installWith(rewritten, [await receiptOf(rewritten, { by: 'intruder' })]);
    const planted = signRoot({ ...online, timestamp: keyHexOf('intruder') });
    writeFileSync(join(stopped.stateDir, 'trust/root_history/1.root.json'), planted);
    expect(await verifyAudit(stopped, undefined, {})).toBe(0);
    const root = join(temporaryDirectory(), 'root.json');
    writeFileSync(root, signRoot(online));
    const error = await rejectionOf(verifyAudit(stopped, undefined, { root: [root] }));
    expect(error.code).toBe('audit/unsigned');
  });

  it('are opened with the roots that are whole', async () => {
    const stopped = await installWith(log, [await receiptOf(log)]);
    writeFileSync(join(stopped.stateDir, 'trust/root_history/2.root.json'), '{"signed":');
    expect(await verifyAudit(stopped, undefined, {})).toBe(0);
    writeFileSync(join(stopped.stateDir, 'trust/root_history/1.root.json'), '');
    expect((await rejectionOf(verifyAudit(stopped, undefined, {}))).code).toBe('audit/unsigned');
  });

  it('say nothing against it where the server went back on its word', async () => {
    const receipts = [await receiptOf(log.slice(0, 2)), await receiptOf(log, { server: 'another' })];
    expect(await verifyAudit(await installWith(log, receipts), undefined, {})).toBe(0);
  });

  it('are asked of a running agent before its log, which grows meanwhile, with the roots that it trusted', async () => {
    const { context, world, lines } = await atTerminal('auto');
    await exportAudit(context, undefined);
    const now = lines();
    world.roots = [signRoot(online)];
    const { call } = context.client;
    const asked: string[] = [];
    const client: typeof context.client = {
      call: async (method, path, reply, body) => {
        asked.push(path);
        return await call(method, path, reply, body);
      },
    };
    await world.receipts.write(fileOf([await receiptOf(now)]));
    await setChannel(context, 'manual', { reason: 'year end' });
    expect(await verifyAudit({ ...context, client }, undefined, {})).toBe(0);
    expect(asked).toEqual(['/v1/audit/receipts', '/v1/audit/roots', '/v1/audit']);
    world.roots = [];
    expect((await rejectionOf(verifyAudit(context, undefined, {}))).code).toBe('audit/unsigned');
  });

  it('are none where the agent that runs is of a time before them: its log has its chain', async () => {
    const { context } = await atTerminal('auto');
    const { call } = context.client;
    const said = { code: 'agent/unknown-request', message: 'GET', hint: 'compare', exit: 2 };
    const client: typeof context.client = {
      call: (method, path, reply, body) =>
        path === '/v1/audit/receipts'
          ? Promise.reject(new FairleadError('agent/refused', said))
          : call(method, path, reply, body),
    };

    expect(await verifyAudit({ ...context, client }, undefined, {})).toBe(0);
  });

  it('are handed out with both halves of what was found', async () => {
    const [before, after] = [await receiptOf(log), await receiptOf(log, { server: 'another' })];
    const stopped = await installWith(log, []);
    const [first, second] = fileOf([before, after]).kept;
    const file = { ...noReceipts('one'), forks: [{ before: first!, after: second! }] };
    await createStateFiles(stopped.stateDir, () => undefined).receipts.write(file);
    const path = join(temporaryDirectory(), 'receipts.jsonl');
    expect(await exportReceipts(stopped, path)).toBe(0);
    const texts = readFileSync(path, 'utf8').split('\n').slice(0, -2);
    expect(texts.map((text) => JSON.parse(text))).toEqual([before, after]);
  });
});
