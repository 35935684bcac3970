// fairlead outbox and reporting: everything that leaves this machine for the vendor, byte by byte, and the word that stops it.
import { z } from 'zod';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count, EXIT } from '../../../shared/errors/entry.ts';
import { describeContact } from '../../../shared/present/explanation.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import { reportingReply, SENT, sentReply } from '../../../shared/protocol/sent.ts';
import { agreed, type CliContext, show } from '../context.ts';

export const outboxAnswer = z.strictObject({
  schema: z.literal('fairlead/outbox@1'),
  /** Deployments that the server has not heard of yet. */
  records: z.int(),
  contact: statusReply.shape.contact,
  reporting: sentReply.shape.reporting,
  /** Each kind of request as it would leave now. */
  requests: sentReply.shape.requests,
});
type OutboxAnswer = z.output<typeof outboxAnswer>;

/** Failing to report stops nothing: what is here is kept until the server takes it. */
export async function outbox(context: CliContext): Promise<number> {
  const { at, contact, unsentReports } = await context.client.call('GET', '/v1/status', statusReply);
  const { reporting, requests } = await context.client.call('GET', '/v1/sent', sentReply);
  const reply = {
    ...{ schema: 'fairlead/outbox@1' as const, records: unsentReports, contact },
    ...{ reporting, requests },
  };
  show(context, reply, () => [
    headline(reply),
    contact === null ? 'Server not asked yet' : describeContact(contact, at),
    'What leaves, as it would leave now; signatures are shown from another key, and a pass that is nobody’s:',
    ...requests.flatMap((one) => renderRequest(one)),
  ]);
  return EXIT.ok;
}

function headline({ reporting, records }: OutboxAnswer): string {
  if (reporting === 'off') return 'Reporting is off: updates go on, and nothing about this install leaves.';
  return records === 0
    ? 'The server has heard everything.'
    : `${count(records, 'deployment record')} not yet taken by the server; nothing else waits for that.`;
}

function renderRequest({ kind, waits, leaves, bytes }: OutboxAnswer['requests'][number]): readonly string[] {
  const known = SENT[kind];
  const state = leaves ? (waits ? 'waits to be sent' : (known?.when ?? '')) : 'withheld: reporting is off';
  // Line by line: what stands in it is text of releases too, and this is a terminal.
  const lines = bytes.split('\r\n').map((line) => `    ${sanitizeLine(line, Number.MAX_SAFE_INTEGER)}`);
  return ['', `${kind}: ${known?.about ?? ''} (${state}; ${Buffer.byteLength(bytes)} bytes)`, ...lines];
}

/** Takes effect at once, also for what is open. */
export async function setReporting(
  context: CliContext,
  reporting: 'on' | 'off',
  { reason, yes }: { readonly reason: string; readonly yes?: boolean },
): Promise<number> {
  const question = `Switch reporting ${reporting}?`;
  if (!(await agreed(context, { yes: yes === true }, question))) return EXIT.refused;
  const reply = await context.client.call('PUT', '/v1/reporting', reportingReply, { reporting, reason });
  show(context, reply, () => [
    reply.reporting === 'on'
      ? 'reporting is on: what happens from now on is reported'
      : 'reporting is off: updates, forced patches and rollbacks go on; the vendor hears nothing of this install',
    'what leaves this machine all the same, byte by byte: fairlead outbox',
  ]);
  return EXIT.ok;
}
