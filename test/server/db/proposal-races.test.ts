// Two servers on one database, and proposals: what one install has to answer stays bounded, nothing is done twice, nothing is lost.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { makeMark, transactOnce } from '../../../server/db/once.ts';
import { listMine, takeAnswers } from '../../../server/db/proposal-answers.ts';
import { listProposals } from '../../../server/db/proposal-lists.ts';
import { createProposals, lockProposal, withdrawProposals } from '../../../server/db/proposals.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { ProposalAnswer } from '../../../shared/protocol/proposal.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';

let dir: string;
let servers: readonly Database[];
let instance: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-races-'));
  const file = join(dir, 'fairlead.db');
  servers = [await openAt(file, 'beside'), await openAt(file, 'beside')];
  const { code } = await createEnrolment(serverOf(0), { name: 'one', actor: 'test' }, NOW);
  const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
  instance = (await redeemEnrolment(serverOf(1), agent, NOW)).instance;
});
afterEach(async () => {
  for (const db of servers) await db.destroy();
  await rm(dir, { recursive: true });
});

const serverOf = (i: number) => servers[i % 2] as Database;
const made = () => ({
  ...{
    instances: [instance],
    group: null,
    policy: null,
    reason: 'certified',
    expires: undefined,
    actor: 'test',
  },
  wish: { kind: 'unpin', component: 'core/auth' } as const,
});
/** On a slow machine some may wait for a connection until they are told to come again: as a client does, they do. */
const propose = async (i: number): Promise<string> => {
  try {
    return await transact(
      serverOf(i),
      'committed',
      async (trx) => (await createProposals(trx, made(), NOW))[0] ?? '',
    );
  } catch (error) {
    if (isFairleadError(error, 'server/busy')) return propose(i);
    throw error;
  }
};

it('a hundred and twenty that propose to one install at once leave a hundred', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 120 }, (_, i) => propose(i)));

  const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  expect(refused).toEqual(Array(20).fill('proposal/too-many'));
  expect((await verifyAudit(serverOf(0), null)).count).toBe(102);
}, 60_000);

it('a request that comes twenty times at once, to both, has one effect', async () => {
  const mark = makeMark('token', 'POST /api/v1/versions/unpin', 'b3a1', 'body');
  const once = (i: number) =>
    transactOnce(serverOf(i), mark, NOW, async (trx) => ({ ids: await createProposals(trx, made(), NOW) }));

  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => once(i)));

  expect(new Set(answers.map(({ ids }) => ids.join()))).toHaveProperty('size', 1);
  const page = { limit: 100, after: null };
  expect((await listProposals(serverOf(0), page, NOW)).entries).toHaveLength(1);
}, 60_000);

it('a withdrawal and an answer that cross each other leave no install waiting', async () => {
  for (let round = 0; round < 10; round++) {
    const id = await propose(round);
    const queued: ProposalAnswer = {
      ...{ id, revision: 1, code: null, text: 'waits', by: 'agent', change: null },
      answer: 'queued',
      at: '2026-11-20T12:00:00Z',
    };

    const [[told]] = await Promise.all([
      transact(serverOf(round), 'committed', (trx) => takeAnswers(trx, instance, [queued], NOW)),
      transact(serverOf(round + 1), 'committed', async (trx) =>
        withdrawProposals(trx, [await lockProposal(trx, id)], 'test', NOW),
      ),
    ]);

    // Either the answer was told so, or the next look at the list does.
    const listed = (await listMine(serverOf(0), instance, null, NOW)).entries;
    expect(told?.status === 'withdrawn' || listed.some((one) => one.id === id && 'withdrawn' in one)).toBe(
      true,
    );
  }
}, 60_000);

it('two answers for good at once leave one', async () => {
  const id = await propose(0);
  const answer = (i: number): ProposalAnswer => ({
    answer: i % 2 === 0 ? 'accepted' : 'refused',
    ...{ id, revision: 1, code: null, text: `${i}`, by: 'a', change: null, at: '2026-11-20T12:00:00Z' },
  });

  const told = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      transact(serverOf(i), 'committed', (trx) => takeAnswers(trx, instance, [answer(i)], NOW)),
    ),
  );

  expect(new Set(told.flat().map(({ status }) => status)).size).toBe(1);
  // Two of the enrolment, one of the proposal, one of its answer.
  expect((await verifyAudit(serverOf(0), null)).count).toBe(4);
}, 60_000);
