// Enrolment: a person asks for a code, an agent redeems it.
import { z } from 'zod';
import { REDEEM_PATH, redeemReply, redeemRequest } from '../../../shared/protocol/enrolment.ts';
import {
  enrolmentId,
  enrolmentReply,
  enrolmentRequest,
  enrolmentsReply,
} from '../../../shared/protocol/publication.ts';
import { listEnrolments, revokeEnrolment } from '../../db/enrolment-lists.ts';
import { createEnrolment, redeemEnrolment } from '../../db/enrolments.ts';
import { CODE, ENROLMENT, INSTANCE, MADE_AT } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

export const REDEMPTIONS_PER_MINUTE = 30;

export const ENROLMENT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/enrolments',
    access: ['operator', 'publisher'],
    tag: 'fleet',
    summary: 'Codes that nobody has redeemed, newest first; never their texts',
    query: z.strictObject(pageOf(z.tuple([z.string(), z.string()]))),
    reply: enrolmentsReply,
    example: {
      reply: {
        enrolments: [
          {
            id: ENROLMENT,
            name: 'Harbour hospital',
            created: MADE_AT,
            expires: '2026-11-27T12:00:00.000Z',
          },
        ],
      },
    },
    answer: async ({ db }, { query, continueAt }) => {
      const { entries, next } = await listEnrolments(db, pageIn(query));
      continueAt(formatCursor(next));
      return { enrolments: [...entries] };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/enrolments/:id',
    access: ['operator', 'publisher'],
    tag: 'fleet',
    summary: 'Take back a code that nobody has redeemed',
    keeps: true,
    params: z.strictObject({ id: enrolmentId }),
    example: { params: { id: ENROLMENT } },
    answer: async ({ db, now }, { params, actor }): Promise<undefined> => {
      await revokeEnrolment(db, params.id, actor(), now());
    },
  }),
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
    path: REDEEM_PATH,
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
