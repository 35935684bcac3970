// Tokens of people and programs: made, listed, given a new text and revoked by an admin, at once and while the server runs.
import { z } from 'zod';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { tokenReply, tokenRequest, tokenRotation, tokensReply } from '../../../shared/protocol/fleet.ts';
import { pageOfTokens } from '../../db/token-lists.ts';
import { createToken, revokeToken, rotateToken } from '../../db/tokens.ts';
import { NEW_ID, TOKEN } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const key = z.tuple([z.string(), z.string()]);
const params = z.strictObject({ id: z.uuid() });
const SUMMARY = {
  id: TOKEN,
  name: 'dashboard',
  role: 'viewer',
  created: '2026-11-20T12:00:00Z',
  expires: '2027-02-18T12:00:00Z',
} as const;
const ADMIN = { ...SUMMARY, id: NEW_ID, name: 'admin', role: 'admin' } as const;
const NEW = { ...SUMMARY, id: NEW_ID, token: 'flt_q1Yx0rXGm3bq2cT8kZb7uQ9aL4nV6wEs' };

export const TOKEN_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/tokens',
    access: ['admin'],
    tag: 'operations',
    summary: 'Tokens that were not revoked, by name; never their texts',
    query: z.strictObject(pageOf(key)),
    reply: tokensReply,
    example: { reply: { tokens: [ADMIN, SUMMARY, { ...ADMIN, name: 'operator', role: 'operator' }] } },
    answer: async ({ db }, { query, continueAt }) => {
      const { entries, next } = await pageOfTokens(db, pageIn(query));
      continueAt(formatCursor(next));
      return { tokens: [...entries] };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/tokens',
    access: ['admin'],
    tag: 'operations',
    repeats: 'by-key',
    summary: 'Make a token; this answer is the only one that holds its text',
    body: tokenRequest,
    reply: tokenReply,
    example: {
      body: { name: 'portal', role: 'viewer', validFor: 'P90D' },
      reply: { ...NEW, name: 'portal' },
    },
    answer: async ({ db, now }, { body: { validFor, ...wanted }, actor, mark }) => {
      const expires = now() + durationMs(validFor);
      return createToken(db, { ...wanted, expires, actor: actor() }, now(), mark);
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/tokens/:id/rotate',
    access: ['admin'],
    tag: 'operations',
    repeats: 'by-key',
    keeps: true,
    summary: 'Give a token a new text; the old one goes on for `overlap`, or until its own end',
    params,
    body: tokenRotation,
    reply: tokenReply,
    example: { params: { id: TOKEN }, body: { validFor: 'P90D', overlap: 'PT1H' }, reply: NEW },
    answer: async ({ db, now }, { params: { id }, body: { validFor, overlap }, actor, mark }) => {
      const expires = now() + durationMs(validFor);
      return rotateToken(db, { id, overlapMs: durationMs(overlap), expires, actor: actor() }, now(), mark);
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/tokens/:id',
    access: ['admin'],
    tag: 'operations',
    summary: 'Revoke a token, at once and for good',
    keeps: true,
    params,
    example: { params: { id: TOKEN } },
    answer: async ({ db, now }, { params: { id }, actor }) => {
      await revokeToken(db, id, actor(), now());
      return undefined;
    },
  }),
];
