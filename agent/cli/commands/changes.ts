// fairlead changes and change N: what was deployed, when, why, and how it ended.
import { EXIT } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { renderChange, renderChanges } from '../../../shared/present/changes.ts';
import {
  type ChangeReply,
  type ChangesReply,
  changeReply,
  changesReply,
} from '../../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { askOrLook } from '../at-rest.ts';
import { type CliContext, show } from '../context.ts';
import { followChange } from '../follow.ts';
import { describeAbsence } from '../render-at-rest.ts';
import type { WatchOptions } from './status.ts';

/** Exits with 3 when no agent runs and the disk has answered. */
export async function changes(context: CliContext): Promise<number> {
  const tell = (reply: ChangesReply, first: readonly string[] = []) =>
    show(context, reply, () => [...first, ...renderChanges(reply.changes)]);
  return await askOrLook(
    context,
    async () => {
      tell(await context.client.call('GET', '/v1/changes', changesReply));
      return EXIT.ok;
    },
    (rest, records) =>
      tell({ schema: 'fairlead/changes@1', changes: [...records] }, describeAbsence(rest, context.style)),
  );
}

/** As `changes`. Error: change/not-found. */
export async function change(context: CliContext, id: number, options: WatchOptions = {}): Promise<number> {
  const tell = (
    record: DeploymentRecord,
    first: readonly string[] = [],
    overrides?: ChangeReply['overrides'],
  ) => {
    const reply = {
      schema: 'fairlead/change@1',
      change: record,
      ...(overrides === undefined ? {} : { overrides }),
    } as const;
    show(context, reply, () => [...first, ...renderChange(record, context.style, overrides)]);
  };
  return await askOrLook(
    context,
    async () => {
      if (options.watch === true) {
        await followChange(context, id);
        if (context.json) return EXIT.ok;
      }
      const reply = await context.client.call('GET', `/v1/changes/${id}`, changeReply);
      tell(reply.change, [], reply.overrides);
      return EXIT.ok;
    },
    (rest, records) => {
      const record = records.find((one) => one.id === id);
      if (record === undefined) throw new FairleadError('change/not-found', { change: id });
      tell(record, describeAbsence(rest, context.style));
    },
  );
}
