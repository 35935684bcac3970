// A server's log taken along and held against what installs keep of it, by the commands that do it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { verify } from '../../server/cli/inspect.ts';
import { exportHeads, exportLog } from '../../server/cli/ledger.ts';
import type { Database } from '../../server/db/tables.ts';
import { type Digest, digestOfValue } from '../../shared/encoding/digest.ts';
import { formatKept } from '../../shared/protocol/ledger-files.ts';
import { readReceipt } from '../../shared/protocol/receipt.ts';
import { reportReply } from '../../shared/protocol/report.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { rejectionOf } from '../support/error-code.ts';
import { INSTALL, twoLedgers } from '../support/ledgers.ts';
import { digestOfText, signRoot } from '../support/publications.ts';
import { enrolAgent, type ServerAgent } from '../support/server-agent.ts';
import { startTestServer, type TestServer } from '../support/server-under-test.ts';

let server: TestServer;
let agent: ServerAgent;
let said: string[];
let files = '';

beforeEach(async () => {
  server = await startTestServer();
  agent = await enrolAgent(server, 'one');
  said = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  files = temporaryDirectory();
  writeFileSync(at('root.json'), signRoot(server.context.publisher.onlineKeys));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
});

const at = (name: string) => join(files, name);
const context = { environment: {} };
const home = () => ({ dir: server.layout.dir });
const root = () => [at('root.json')];

async function reportOnce(count: number, seen: Parameters<typeof agent.report>[1] = {}): Promise<string> {
  const ledger = { count, digest: digestOfText(`${count}`) as Digest, seen: null };
  const answer = await agent.report(count, { ledger, ...seen });
  return JSON.stringify(reportReply.parse(answer.json()).receipt);
}

/** As somebody does it who can write the database and knows how the log is made. */
async function rewrite(db: Database, from: number): Promise<void> {
  const rows = await db.selectFrom('audit').selectAll().orderBy('sequence').execute();
  let previous: string | null = null;
  for (const { digest, details, ...row } of rows) {
    const actor = Number(row.sequence) === from ? 'nobody' : row.actor;
    const entry = { ...row, sequence: Number(row.sequence), actor, previous, details: JSON.parse(details) };
    const is: string = Number(row.sequence) < from ? digest : digestOfValue(entry);
    await db
      .updateTable('audit')
      .set({ actor, previous, digest: is })
      .where('sequence', '=', row.sequence)
      .execute();
    previous = is;
  }
}

it('is whole against the receipts of its installs, in the database and as a file, and says up to where', async () => {
  const receipts = [await reportOnce(1), await reportOnce(2)];
  writeFileSync(at('receipts'), formatKept(receipts));
  await enrolAgent(server, 'two');
  expect(await exportLog(context, at('log'), home())).toBe(0);

  const against = { against: [at('receipts')], root: root(), ...home() };
  expect(await verify(context, undefined, against)).toBe(0);
  expect(await verify(context, at('log'), against)).toBe(0);
  const told = said.filter((text) => text.startsWith('it is the log'));
  expect(told).toHaveLength(2);
  expect(told[0]).toBe(told[1]);
  expect(said.join('')).toContain('nothing speaks but the chain');
  expect((await rejectionOf(exportLog(context, at('log'), home()))).code).toBe('file/exists');
});

it('is found to be another by any receipt, and by the next report, where its database was rewritten whole', async () => {
  const receipt = await reportOnce(1);
  writeFileSync(at('receipts'), formatKept([receipt]));
  const shown = readReceipt(JSON.parse(receipt));
  await rewrite(server.context.db, 2);

  expect(await verify(context, undefined, home())).toBe(0);
  const against = { against: [at('receipts')], root: root(), ...home() };
  expect((await rejectionOf(verify(context, undefined, against))).code).toBe('audit/forked');
  await exportLog(context, at('log'), home());
  expect((await rejectionOf(verify(context, at('log'), against))).code).toBe('audit/forked');

  const seen = { ...shown!.server, at: shown!.at };
  await reportOnce(2, { ledger: { count: 2, digest: digestOfText('2') as Digest, seen } });
  const events = await server.context.db
    .selectFrom('events')
    .select('details')
    .where('kind', '=', 'ledger.forked')
    .execute();
  expect(events.map(({ details }) => JSON.parse(details).side)).toEqual(['server']);
});

it('gives out the heads that it keeps, against which the log of an install is whole or not', async () => {
  const texts = await twoLedgers(12, 4, 3);
  writeFileSync(at('install'), texts.install);
  const [line] = texts.heads.split('\n');
  const { count, digest } = JSON.parse(line ?? '');
  await reportOnce(1, { ledger: { count, digest, seen: null } });
  await exportHeads(context, at('mine'), { ...home(), instance: agent.instance });
  await exportHeads(context, at('other'), { ...home(), instance: INSTALL });
  expect(readFileSync(at('mine'), 'utf8')).toContain(`"instance":"${agent.instance}","count":4`);
  expect(readFileSync(at('other'), 'utf8').split('\n')).toHaveLength(2);

  const told = readFileSync(at('mine'), 'utf8').split('\n')[0]?.replace(agent.instance, INSTALL) ?? '';
  const hold = (text: string) => {
    writeFileSync(at('heads'), formatKept([text]));
    return verify(context, at('install'), { against: [at('heads')], ...home() });
  };
  expect(await hold(told)).toBe(0);
  const [forged] = (await twoLedgers(9, 4, 1)).heads.split('\n');
  expect((await rejectionOf(hold(forged?.replace('"count":9', '"count":8') ?? ''))).code).toBe(
    'audit/forked',
  );
  expect(existsSync(at('heads'))).toBe(true);
});
