// Enrolment: a person asks for a code, an agent redeems it.
import type { FastifyInstance } from 'fastify';
import { redeemReply, redeemRequest } from '../../../shared/protocol/enrolment.ts';
import { enrolmentReply, enrolmentRequest } from '../../../shared/protocol/publication.ts';
import type { Context } from '../../context.ts';
import { createEnrolment, redeemEnrolment } from '../../db/enrolments.ts';
import { parseBody } from '../bodies.ts';
import { actorOf } from '../caller.ts';
import { describeRoute } from '../description.ts';
import { createLimit } from '../limits.ts';

const REDEMPTIONS_PER_MINUTE = 30;

export function addEnrolmentRoutes(app: FastifyInstance, { db, now }: Context): void {
  const create = describeRoute({
    summary: 'Make a single-use code for one new instance',
    tag: 'fleet',
    body: enrolmentRequest,
    reply: enrolmentReply,
  });
  app.post('/api/v1/enrolments', { schema: create }, async (request) => {
    const { name } = parseBody(enrolmentRequest, request);
    return createEnrolment(db, name, actorOf(request), now());
  });

  const limit = createLimit(app, REDEMPTIONS_PER_MINUTE);
  const redeem = describeRoute({
    summary: 'Redeem a code: registers the agent’s key',
    tag: 'agents',
    body: redeemRequest,
    reply: redeemReply,
  });
  app.post('/api/v1/enrolments/redeem', { schema: redeem, onRequest: limit }, async (request) =>
    redeemEnrolment(db, parseBody(redeemRequest, request), now()),
  );
}
