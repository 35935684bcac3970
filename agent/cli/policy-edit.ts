// Changing the policy from the command line: the difference first, a question where a person can answer, then the change.
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { EXIT } from '../../shared/errors/entry.ts';
import { type PolicyEdit, type PolicyReply, policyReply } from '../../shared/protocol/admin-policy.ts';
import type { Policy } from '../../shared/schema/policy.ts';
import { type CliContext, show } from './context.ts';

export interface EditOptions {
  readonly reason: string;
  readonly yes?: boolean;
}

/** A policy that can be read, with what the agent says about it. */
export type KnownPolicy = PolicyReply & { readonly policy: Policy };

export async function changePolicy(
  context: CliContext,
  edit: PolicyEdit,
  { reason, yes }: EditOptions,
  render: (known: KnownPolicy) => readonly string[],
): Promise<number> {
  const body = { edit, reason };
  if (context.interactive && yes !== true) {
    const tried = await context.client.call('PUT', '/v1/policy', policyReply, { ...body, preview: true });
    if (tried.changes.length === 0) context.print('This changes nothing.');
    for (const line of tried.changes) context.print(colored(context, sanitizeLine(line, 500)));
    if (!(await context.confirm('Change the policy so?'))) return EXIT.refused;
  }
  const reply = await context.client.call('PUT', '/v1/policy', policyReply, body);
  print(context, reply, (known) => [
    ...render(known),
    ...known.stale.map((each) => `note: ${sanitizeLine(each, 500)}`),
  ]);
  return EXIT.ok;
}

export async function showPolicy(
  context: CliContext,
  render: (known: KnownPolicy) => readonly string[],
): Promise<number> {
  const reply = await context.client.call('GET', '/v1/policy', policyReply);
  print(context, reply, render);
  return reply.policy === null ? EXIT.failed : EXIT.ok;
}

function print(
  context: CliContext,
  reply: PolicyReply,
  render: (known: KnownPolicy) => readonly string[],
): void {
  const { policy } = reply;
  show(context, reply, () => (policy === null ? unreadable(reply) : render({ ...reply, policy })));
}

function unreadable({ problem }: PolicyReply): readonly string[] {
  return [
    `the policy cannot be read, so the instance is frozen: ${sanitizeLine(problem ?? '', 2000)}`,
    'correct settings.json in the state directory, or move it away and: fairlead channel set CHANNEL --reason "why"',
  ];
}

function colored({ style }: CliContext, line: string): string {
  return line.startsWith('-') ? style.bad(line) : style.good(line);
}
