// What people do about one instance: shut it out, take it back, retire it, take what is known of it along; and what its agent says when it leaves.
import { z } from 'zod';
import { instanceReply } from '../../../shared/protocol/fleet.ts';
import {
  evidence,
  leaveReply,
  leaveRequest,
  type Standing,
  standingRequest,
} from '../../../shared/protocol/instances.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import { exportEvidence } from '../../db/evidence.ts';
import { transactOnce } from '../../db/once.ts';
import { changeStanding, noteMove, type StandingChange } from '../../db/standing.ts';
import { transact } from '../../db/transact.ts';
import { CHANGED_AT, DIGEST, HOSPITAL_SUMMARY, MADE_AT, OLD_MILL, OLD_MILL_SUMMARY } from '../examples.ts';
import { defineRoute, type Route } from '../route.ts';

const byId = z.strictObject({ id: instanceId });
const summary = instanceReply.omit({ report: true });
const standingOf = (state: Standing, reason: string) => ({
  ...HOSPITAL_SUMMARY,
  ...{ revision: 2, standing: { state, since: CHANGED_AT, by: 'token admin', reason } },
});

interface Act {
  readonly path: string;
  readonly to: StandingChange['to'];
  readonly summary: string;
  readonly example: { readonly reason: string; readonly reply: z.input<typeof summary> };
}

/** One act, three ways. */
function standingRoute({ path, to, summary: text, example: { reason, reply } }: Act): Route {
  return defineRoute({
    method: 'POST',
    path,
    access: ['operator', 'security'],
    tag: 'fleet',
    summary: text,
    keeps: true,
    ifMatch: true,
    repeats: 'by-key',
    params: byId,
    body: standingRequest,
    reply: summary,
    example: { params: { id: reply.id }, body: { reason }, reply },
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

const BROKEN = 'reported a version nobody released';
const GONE = 'decommissioned';

const isolate = standingRoute({
  path: '/api/v1/instances/:id/isolate',
  to: 'isolated',
  summary:
    'Take no word from an instance any more: its credential is worth nothing from now on, and it stays in sight. What is signed is public, and goes on by the install’s own policy',
  example: { reason: BROKEN, reply: standingOf('isolated', BROKEN) },
});
const restore = standingRoute({
  path: '/api/v1/instances/:id/restore',
  to: null,
  summary: 'Let an instance in again that was isolated or retired',
  example: { reason: 'rebuilt', reply: { ...OLD_MILL_SUMMARY, revision: 2 } },
});
const retire = standingRoute({
  path: '/api/v1/instances/:id/retire',
  to: 'retired',
  summary: 'Count on an instance no longer: its history stays, and its key does not come back by a code',
  example: { reason: GONE, reply: standingOf('retired', GONE) },
});

const KEY = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
const EVIDENCE: z.input<typeof evidence> = {
  ...{ schema: 'fairlead/instance-evidence@1', at: CHANGED_AT, publicKey: KEY, digest: DIGEST },
  instance: {
    ...OLD_MILL_SUMMARY,
    standing: { state: 'isolated', since: MADE_AT, by: 'token admin', reason: BROKEN },
    revision: 1,
  },
  ...{ reports: [], deployments: [], proposals: [] },
  audit: [
    {
      ...{ sequence: 18, at: MADE_AT, actor: `instance ${OLD_MILL}`, action: 'enrolment.redeemed' },
      ...{ subject: OLD_MILL, previous: DIGEST, digest: DIGEST },
      details: { name: 'Old mill clinic', hostname: 'host', publicKey: KEY },
    },
  ],
  ...{ auditHead: { count: 18, digest: DIGEST }, auditLeftOut: 0 },
};

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
  example: { params: { id: OLD_MILL }, reply: EVIDENCE },
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
  example: {
    body: { to: 'https://releases.example.org' },
    reply: { movedTo: 'https://releases.example.org' },
  },
  answer: async ({ db, now }, ask) => {
    const { instance: id } = ask.speaker();
    const { to } = ask.body;
    await transact(db, 'committed', (trx) => noteMove(trx, { id, to }, now()));
    return { movedTo: to };
  },
});

export const INSTANCE_ROUTES: readonly Route[] = [leave, isolate, restore, retire, take];
