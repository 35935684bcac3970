// fairlead stage: what was brought here ahead of time.
import { EXIT } from '../../../shared/errors/entry.ts';
import { type StageReply, stageReply } from '../../../shared/protocol/upkeep.ts';
import { type CliContext, show } from '../context.ts';

export async function stage(context: CliContext): Promise<number> {
  const reply = await context.client.call('POST', '/v1/stage', stageReply);
  show(context, reply, () => renderStaged(reply));
  return EXIT.ok;
}

function renderStaged({ plan, fetched, present }: StageReply): readonly string[] {
  if (plan === null) return ['Nothing is on offer.'];
  return [
    'All that is on offer is on the disk: applying it needs no network.',
    ...(fetched.length === 0 ? [] : [`fetched now: ${fetched.join(', ')}`]),
    ...(present.length === 0 ? [] : [`there already: ${present.join(', ')}`]),
  ];
}
