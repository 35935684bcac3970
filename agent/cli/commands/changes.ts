// fairlead changes and change N: what was deployed, when, why, and how it ended.
import { changeReply, changesReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';
import { followChange } from '../follow.ts';
import { renderChange, renderChanges } from '../output/changes.ts';
import type { WatchOptions } from './status.ts';

export async function changes(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/changes', changesReply);
  show(context, reply, () => renderChanges(reply.changes));
  return 0;
}

export async function change(context: CliContext, id: number, options: WatchOptions = {}): Promise<number> {
  if (options.watch === true) {
    await followChange(context, id);
    if (context.json) return 0;
  }
  const reply = await context.client.call('GET', `/v1/changes/${id}`, changeReply);
  show(context, reply, () => renderChange(reply.change, context.style));
  return 0;
}
