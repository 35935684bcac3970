// fairlead quarantine lift: let what failed here be tried again.
import { liftReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';

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
