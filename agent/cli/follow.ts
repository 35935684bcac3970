// Following a deployment to its end: every state printed once, as it is entered.
import { FairleadError } from '../../shared/errors/error.ts';
import { changeReply } from '../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { isFinal } from '../core/deploy/states.ts';
import type { CliContext } from './context.ts';
import { toneOf } from './output/changes.ts';

const LOOK_AGAIN_MS = 200;

/** Returns the record of a deployment that committed. Error: change/failed for any other end. */
export async function followChange(context: CliContext, change: number): Promise<DeploymentRecord> {
  let printed = 0;
  for (;;) {
    const { change: record } = await context.client.call('GET', `/v1/changes/${change}`, changeReply);
    for (const stage of record.stages.slice(printed)) {
      if (!context.json) {
        context.print(`${stage.at}  change ${change}  ${toneOf(stage.state, context.style)(stage.state)}`);
      }
    }
    printed = record.stages.length;
    if (isFinal(record.state)) return committedOrFail(context, record);
    await context.clock.sleep(LOOK_AGAIN_MS);
  }
}

function committedOrFail(context: CliContext, record: DeploymentRecord): DeploymentRecord {
  if (context.json) {
    context.print(JSON.stringify({ schema: 'fairlead/change@1', change: record }, null, 2));
  }
  if (record.state === 'committed') return record;
  throw new FairleadError('change/failed', {
    change: record.id,
    state: record.state,
    failure: record.failure?.message ?? 'no failure was recorded',
  });
}
