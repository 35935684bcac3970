// Enrolment: a person asks for a code, an agent redeems it.
import { redeemReply, redeemRequest } from '../../../shared/protocol/enrolment.ts';
import { enrolmentReply, enrolmentRequest } from '../../../shared/protocol/publication.ts';
import { createEnrolment, redeemEnrolment } from '../../db/enrolments.ts';
import { CODE, INSTANCE } from '../examples.ts';
import { defineRoute, type Route } from '../route.ts';

export const REDEMPTIONS_PER_MINUTE = 30;

export const ENROLMENT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/enrolments',
    access: ['operator', 'publisher'],
    tag: 'fleet',
    summary: 'Make a single-use code for one new instance',
    repeats: 'by-key',
    body: enrolmentRequest,
    reply: enrolmentReply,
    example: {
      body: { name: 'Harbour hospital' },
      reply: {
        code: CODE,
        name: 'Harbour hospital',
        expires: '2026-11-27T12:00:00.000Z',
      },
    },
    answer: ({ db, now }, ask) => createEnrolment(db, { ...ask.body, actor: ask.actor() }, now(), ask.mark),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/enrolments/redeem',
    access: 'public',
    tag: 'agents',
    summary: 'Redeem a code: registers the agent’s key. The same code and key always get the same answer',
    perMinute: REDEMPTIONS_PER_MINUTE,
    repeats: 'by-nature',
    body: redeemRequest,
    reply: redeemReply,
    example: {
      body: {
        code: CODE,
        publicKey: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
        hostname: 'app-1',
        agentVersion: '0.1.0',
      },
      reply: { instance: INSTANCE, name: 'Harbour hospital' },
    },
    answer: ({ db, now }, ask) => redeemEnrolment(db, ask.body, now()),
  }),
];
