// fairlead channel, pin, hold, release and policy: the operator's standing decisions about what may come.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { type PolicyEdit, type PolicyReply, policyReply } from '../../../shared/protocol/admin.ts';
import type { Channel } from '../../../shared/protocol/report.ts';
import type { Policy } from '../../../shared/schema/policy.ts';
import { pinnedComponent } from '../../core/policy-edit.ts';
import { type CliContext, show } from '../context.ts';
import { formatTable } from '../output/table.ts';

interface Reason {
  readonly reason: string;
}

const MEANING: Record<Channel, string> = {
  auto: 'updates are applied when the vendor offers them',
  manual: 'updates wait for: fairlead apply --reason "why"',
  frozen: 'nothing changes, forced patches excepted',
};

export async function setChannel(context: CliContext, channel: Channel, { reason }: Reason): Promise<number> {
  return await edit(context, { kind: 'channel', channel }, reason, () => [
    `channel ${channel}: ${MEANING[channel]}`,
  ]);
}

export async function addPin(
  context: CliContext,
  component: string,
  version: string,
  options: Reason & { readonly expires?: string },
): Promise<number> {
  const expires = options.expires === undefined ? {} : { expires: options.expires };
  const pin = { kind: 'pin', component, version, ...expires } as const;
  return await edit(context, pin, options.reason, renderPins);
}

export async function removePin(context: CliContext, component: string, { reason }: Reason): Promise<number> {
  return await edit(context, { kind: 'unpin', component }, reason, renderPins);
}

export async function listPins(context: CliContext): Promise<number> {
  return await showPolicy(context, renderPins);
}

export async function hold(
  context: CliContext,
  durationMs: number,
  options: Reason & { readonly emergency?: boolean },
): Promise<number> {
  const emergency = options.emergency === true;
  const until = formatInstant(context.clock.now() + durationMs);
  const what = emergency
    ? 'nothing changes, not even forced patches,'
    : 'nothing changes, forced patches excepted,';
  return await edit(context, { kind: 'hold', until, emergency }, options.reason, () => [
    `${what} until ${until}`,
    `end it sooner: fairlead release${emergency ? ' --emergency' : ''} --reason "why"`,
  ]);
}

export async function release(
  context: CliContext,
  options: Reason & { readonly emergency?: boolean },
): Promise<number> {
  const emergency = options.emergency === true;
  return await edit(context, { kind: 'release', emergency }, options.reason, () => [
    emergency ? 'forced patches are applied again' : 'the hold is over',
  ]);
}

export async function policy(context: CliContext): Promise<number> {
  return await showPolicy(context, (known) => JSON.stringify(known, null, 2).split('\n'));
}

/** For scripts: 0 when the policy can be read and satisfied. */
export async function checkPolicy(context: CliContext): Promise<number> {
  return await showPolicy(context, (known) => [`the policy is valid: channel ${known.channel}`]);
}

async function edit(
  context: CliContext,
  change: PolicyEdit,
  reason: string,
  render: (policy: Policy) => readonly string[],
): Promise<number> {
  const reply = await context.client.call('PUT', '/v1/policy', policyReply, { edit: change, reason });
  show(context, reply, () => renderReply(reply, render));
  return EXIT.ok;
}

async function showPolicy(
  context: CliContext,
  render: (policy: Policy) => readonly string[],
): Promise<number> {
  const reply = await context.client.call('GET', '/v1/policy', policyReply);
  show(context, reply, () => renderReply(reply, render));
  return reply.policy === null ? EXIT.failed : EXIT.ok;
}

function renderReply(reply: PolicyReply, render: (policy: Policy) => readonly string[]): readonly string[] {
  if (reply.policy !== null) return render(reply.policy);
  return [`the policy cannot be read, so the instance is frozen: ${sanitizeLine(reply.problem ?? '', 2000)}`];
}

function renderPins({ pins }: Policy): readonly string[] {
  if (pins.length === 0) return ['No pins.'];
  const rows = pins.map((pin) => [
    pinnedComponent(pin),
    pin.version,
    pin.expires ?? 'never',
    sanitizeLine(pin.owner),
    sanitizeLine(pin.reason),
  ]);
  return formatTable([['COMPONENT', 'VERSION', 'EXPIRES', 'OWNER', 'REASON'], ...rows]);
}
