// fairlead stage and outbox: what was brought here ahead of time, and what the server has not heard yet.
import { z } from 'zod';
import { count, EXIT } from '../../../shared/errors/entry.ts';
import { describeContact } from '../../../shared/present/explanation.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import { type StageReply, stageReply } from '../../../shared/protocol/upkeep.ts';
import { type CliContext, show } from '../context.ts';

export const outboxAnswer = z.strictObject({
  schema: z.literal('fairlead/outbox@1'),
  /** Deployments that the server has not heard of yet. */
  records: z.int(),
  contact: statusReply.shape.contact,
});

export async function stage(context: CliContext): Promise<number> {
  const reply = await context.client.call('POST', '/v1/stage', stageReply);
  show(context, reply, () => renderStaged(reply));
  return EXIT.ok;
}

/** Failing to report stops nothing: what is here is kept until the server takes it. */
export async function outbox(context: CliContext): Promise<number> {
  const { at, contact, unsentReports } = await context.client.call('GET', '/v1/status', statusReply);
  const reply = { schema: 'fairlead/outbox@1', records: unsentReports, contact };
  show(context, reply, () => [
    unsentReports === 0
      ? 'The server has heard everything.'
      : `${count(unsentReports, 'deployment record')} not yet taken by the server; nothing else waits for that.`,
    contact === null ? 'Server not asked yet' : describeContact(contact, at),
  ]);
  return EXIT.ok;
}

function renderStaged({ plan, fetched, present }: StageReply): readonly string[] {
  if (plan === null) return ['Nothing is on offer. Ask the server: fairlead check'];
  return [
    'All that is on offer is on the disk: applying it needs no network.',
    ...(fetched.length === 0 ? [] : [`fetched now: ${fetched.join(', ')}`]),
    ...(present.length === 0 ? [] : [`there already: ${present.join(', ')}`]),
  ];
}
