// fairlead status: the verdict, what needs attention, and what runs.
import { statusReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';
import { renderStatus } from '../output/status.ts';

export async function status(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/status', statusReply);
  show(context, reply, () => renderStatus(reply, context.style));
  return 0;
}
