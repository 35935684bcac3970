// fairlead status: the verdict, what needs attention, and what runs.

import { z } from 'zod';
import { renderBrief, renderStatus } from '../../../shared/present/status.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import { askOrLook, atRest } from '../at-rest.ts';
import { type CliContext, show } from '../context.ts';
import { showTransfers } from '../follow.ts';
import { describeAbsence, renderAtRest } from '../render-at-rest.ts';

/** From the agent, or from the disk while none runs. */
export const statusAnswer = z.union([statusReply, atRest]);

export interface WatchOptions {
  readonly watch?: boolean;
}

export interface StatusOptions extends WatchOptions {
  /** One line, and only where a person is needed. */
  readonly brief?: boolean;
}

const LOOK_AGAIN_MS = 1000;

/** Exits with 3 when no agent runs and the disk has answered. */
export async function status(context: CliContext, options: StatusOptions = {}): Promise<number> {
  return await askOrLook(
    context,
    () => askStatus(context, options),
    (rest) => {
      if (options.brief === true)
        say(context, rest, [`${describeAbsence(rest, context.style)[0]}: fairlead status`]);
      else show(context, rest, () => renderAtRest(rest, context.style));
    },
  );
}

/** A message of nothing would be an empty line at every login. */
function say<Reply>(context: CliContext, reply: Reply, lines: readonly string[]): void {
  if (context.json || lines.length > 0) show(context, reply, () => lines);
}

async function askStatus(context: CliContext, options: StatusOptions): Promise<number> {
  if (options.brief === true) {
    const reply = await context.client.call('GET', '/v1/status', statusReply);
    say(context, reply, renderBrief(reply, context.style));
    return 0;
  }
  let printed = '';
  do {
    const reply = await context.client.call('GET', '/v1/status', statusReply);
    // Moments move all the time: they are no news.
    const { transfers = [], leftMs: _, ...still } = reply;
    const coming = transfers.map(({ what }) => what);
    const news = JSON.stringify({
      ...still,
      at: '',
      contact: null,
      freshness: reply.freshness.state,
      coming,
    });
    if (news !== printed) {
      context.progress.clear();
      show(context, reply, () => renderStatus(reply, context.style));
    }
    printed = news;
    if (options.watch === true) {
      showTransfers(context, transfers);
      await context.clock.sleep(LOOK_AGAIN_MS);
    }
  } while (options.watch === true);
  return 0;
}
