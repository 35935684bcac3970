// Following a deployment to its end: every state printed once, as it is entered.
import { safeJson } from '../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { toneOf } from '../../shared/present/changes.ts';
import { nameTransfer } from '../../shared/present/pace.ts';
import { type ChangeReply, changeReply } from '../../shared/protocol/admin.ts';
import type { Transfer } from '../../shared/protocol/transfer.ts';
import { type DeploymentRecord, isFinal } from '../../shared/schema/deployment.ts';
import type { CliContext } from './context.ts';

const LOOK_AGAIN_MS = 200;
/** A service manager starts an agent that ended within seconds; the deployment then goes on by itself. */
const LOOKS_AT_NOBODY = 150;

/** Returns the record of a deployment that committed. Error: change/failed for any other end. */
export async function followChange(context: CliContext, change: number): Promise<DeploymentRecord> {
  let printed = 0;
  for (;;) {
    const { change: record, transfers = [] } = await lookAt(context, change);
    if (record.stages.length > printed) context.progress.clear();
    for (const stage of record.stages.slice(printed)) {
      if (!context.json) {
        context.print(`${stage.at}  change ${change}  ${toneOf(stage.state, context.style)(stage.state)}`);
      }
    }
    printed = record.stages.length;
    showTransfers(context, transfers);
    if (isFinal(record.state)) return committedOrFail(context, record);
    await context.clock.sleep(LOOK_AGAIN_MS);
  }
}

/** One bar, of what comes first: the others come after it. */
export function showTransfers({ progress }: CliContext, transfers: readonly Transfer[]): void {
  const [first] = transfers;
  if (first === undefined) progress.clear();
  else progress.show(nameTransfer(first), first.bytes, first.total);
}

/** Patient with an agent that is started again. Error: agent/not-running when none comes. */
async function lookAt(context: CliContext, change: number): Promise<ChangeReply> {
  for (let looks = 1; ; looks++) {
    try {
      return await context.client.call('GET', `/v1/changes/${change}`, changeReply);
    } catch (error) {
      if (!isFairleadError(error, 'agent/not-running', 'agent/went-away') || looks === LOOKS_AT_NOBODY)
        throw error;
      context.progress.clear();
      if (looks === 1 && !context.json)
        context.print('the agent has ended; waiting for it to be started again');
      await context.clock.sleep(LOOK_AGAIN_MS);
    }
  }
}

function committedOrFail(context: CliContext, record: DeploymentRecord): DeploymentRecord {
  if (context.json) {
    context.print(safeJson({ schema: 'fairlead/change@1', change: record }, 2));
  }
  if (record.state === 'committed') return record;
  throw new FairleadError('change/failed', {
    change: record.id,
    state: record.state,
    failure: record.failure?.message ?? 'no failure was recorded',
  });
}
