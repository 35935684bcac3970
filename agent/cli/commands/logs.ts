// fairlead logs: what a service wrote last, whichever driver runs it, also while no agent runs.
import { EXIT } from '../../../shared/errors/entry.ts';
import { type LogsReply, logsReply } from '../../../shared/protocol/upkeep.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { askOrLook } from '../at-rest.ts';
import { type CliContext, show } from '../context.ts';
import { describeAbsence } from '../render-at-rest.ts';
import { readSince } from '../times.ts';

export interface LogsOptions {
  readonly change?: number;
  /** As `readSince` takes it. */
  readonly since?: string;
  readonly lines?: number;
  readonly follow?: boolean;
}

type Ask = () => Promise<LogsReply>;

const LINES = 100;
const LOOK_AGAIN_MS = 1_000;

/** Exits with 3 when no agent runs and the disk has answered. */
export async function logs(
  context: CliContext,
  component: ComponentKey,
  options: LogsOptions,
): Promise<number> {
  const since = options.since === undefined ? undefined : readSince(context, options.since);
  const request = { component, change: options.change, since };
  const ask: Ask = () => context.client.call('POST', '/v1/logs', logsReply, request);
  const askDisk: Ask = async () => ({
    schema: 'fairlead/logs@1',
    component,
    lines: [...(await context.readLogsAtRest(request))],
  });
  return await askOrLook(
    context,
    async () => {
      await tell(context, ask, options);
      return EXIT.ok;
    },
    (rest) => tell(context, askDisk, options, describeAbsence(rest, context.style)),
  );
}

async function tell(
  context: CliContext,
  ask: Ask,
  options: LogsOptions,
  first: readonly string[] = [],
): Promise<void> {
  const { lines = options.since === undefined ? LINES : Number.POSITIVE_INFINITY, follow = false } = options;
  const reply = await ask();
  const last = reply.lines.slice(Math.max(0, reply.lines.length - lines));
  show(context, { ...reply, lines: last }, (shown: LogsReply) => [...first, ...shown.lines]);
  for (let before = reply.lines; follow; ) {
    await context.clock.sleep(LOOK_AGAIN_MS);
    const { lines: now } = await ask();
    const lines = linesAfter(before, now);
    if (lines.length > 0) show(context, { ...reply, lines: [...lines] }, (shown: LogsReply) => shown.lines);
    before = now;
  }
}

/** What came since: the log is seen through a window that moves along. */
export function linesAfter(before: readonly string[], now: readonly string[]): readonly string[] {
  for (let start = 0; start < before.length; start++) {
    const known = before.slice(start);
    if (known.length <= now.length && known.every((line, at) => now[at] === line))
      return now.slice(known.length);
  }
  return now;
}
