// What people do about one instance: shut it out, take it back, retire it, take what is known of it along; and what its agent says when it leaves.
import { z } from 'zod';
import { instanceReply } from '../../../shared/protocol/fleet.ts';
import { evidence, leaveReply, leaveRequest, standingRequest } from '../../../shared/protocol/instances.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import { exportEvidence } from '../../db/evidence.ts';
import { transactOnce } from '../../db/once.ts';
import { changeStanding, noteMove, type StandingChange } from '../../db/standing.ts';
import { transact } from '../../db/transact.ts';
import { defineRoute, type Route } from '../route.ts';

const byId = z.strictObject({ id: instanceId });
const INSTANCE = '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c11';
const summary = instanceReply.omit({ report: true });

/** One act, three ways. */
function standingRoute(act: string, to: StandingChange['to'], text: string, reason: string): Route {
  return defineRoute({
    method: 'POST',
    path: `/api/v1/instances/:id/${act}`,
    access: ['operator', 'security'],
    tag: 'fleet',
    summary: text,
    ifMatch: true,
    repeats: 'by-key',
    params: byId,
    body: standingRequest,
    reply: summary,
    example: { params: { id: INSTANCE }, body: { reason } },
    answer: async ({ db, now, notices }, ask) => {
      const wanted = { id: ask.params.id, to, reason: ask.body.reason, actor: ask.actor() };
      const changed = await transactOnce(db, ask.mark, now(), (trx) =>
        changeStanding(trx, wanted, ask.match, now()),
      );
      if (to !== null) await notices.tell(`shut ${changed.id}`);
      ask.tag(changed.revision ?? 1);
      return changed;
    },
  });
}

const isolate = standingRoute(
  'isolate',
  'isolated',
  'Take no word from an instance any more: its credential is worth nothing from now on, and it stays in sight. What is signed is public, and goes on by the install’s own policy',
  'reported a version nobody released',
);
const restore = standingRoute(
  'restore',
  null,
  'Let an instance in again that was isolated or retired',
  'rebuilt',
);
const retire = standingRoute(
  'retire',
  'retired',
  'Count on an instance no longer: its history stays, and its key does not come back by a code',
  'decommissioned',
);

const take = defineRoute({
  method: 'POST',
  path: '/api/v1/instances/:id/evidence',
  access: ['operator', 'security'],
  tag: 'fleet',
  summary:
    'What the server knows of an instance as one document: reports, deployments, proposals, and what the audit log says about it. Its digest is written into that log',
  repeats: 'by-nature',
  params: byId,
  reply: evidence,
  example: { params: { id: INSTANCE } },
  answer: ({ db, now }, ask) =>
    transact(db, 'serializable', (trx) => exportEvidence(trx, ask.params.id, ask.actor(), now())),
});

const leave = defineRoute({
  method: 'POST',
  path: '/api/v1/instances/leave',
  access: 'agent',
  tag: 'agents',
  summary: 'Say that this install goes to another server; its instance here stays until somebody retires it',
  repeats: 'by-nature',
  body: leaveRequest,
  reply: leaveReply,
  example: { body: { to: 'https://releases.example.org' } },
  answer: async ({ db, now, reportQuota }, ask) => {
    const { instance: id } = ask.speaker();
    reportQuota(id, 0);
    const { to } = ask.body;
    await transact(db, 'committed', (trx) => noteMove(trx, { id, to }, now()));
    return { movedTo: to };
  },
});

export const INSTANCE_ROUTES: readonly Route[] = [leave, isolate, restore, retire, take];
