// fairlead channel set and quarantine lift: the operator's decisions about what may come.
import { channelReply, liftReply } from '../../../shared/protocol/admin.ts';
import type { Channel } from '../../../shared/protocol/report.ts';
import { type CliContext, show } from '../context.ts';

const MEANING: Record<Channel, string> = {
  auto: 'updates are applied when the vendor offers them',
  manual: 'updates wait for: fairlead apply --reason "why"',
  frozen: 'nothing changes, forced patches excepted',
};

export async function setChannel(
  context: CliContext,
  channel: Channel,
  options: { readonly reason: string },
): Promise<number> {
  const body = { channel, reason: options.reason };
  const reply = await context.client.call('PUT', '/v1/channel', channelReply, body);
  show(context, reply, () => [`channel ${reply.channel} (was ${reply.previous}): ${MEANING[reply.channel]}`]);
  return 0;
}

export async function liftQuarantine(
  context: CliContext,
  component: string,
  options: { readonly reason: string },
): Promise<number> {
  const path = `/v1/quarantine/${component.split('/').map(encodeURIComponent).join('/')}`;
  const reply = await context.client.call('DELETE', path, liftReply, { reason: options.reason });
  show(context, reply, () => [`${component} ${reply.lifted.join(', ')} may be tried again`]);
  return 0;
}
