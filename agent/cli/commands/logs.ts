// fairlead logs: what a service wrote last, whichever driver runs it.
import { EXIT } from '../../../shared/errors/entry.ts';
import { type LogsReply, logsReply } from '../../../shared/protocol/logs.ts';
import { type CliContext, show } from '../context.ts';

export interface LogsOptions {
  readonly change?: number;
  readonly lines?: number;
  readonly follow?: boolean;
}

const LINES = 100;
const LOOK_AGAIN_MS = 1_000;

export async function logs(context: CliContext, component: string, options: LogsOptions): Promise<number> {
  const { change, lines = LINES, follow = false } = options;
  const ask = () => context.client.call('POST', '/v1/logs', logsReply, { component, change });
  const reply = await ask();
  show(context, { ...reply, lines: reply.lines.slice(-lines) }, (shown: LogsReply) => shown.lines);
  for (let before = reply.lines; follow && change === undefined; ) {
    await context.clock.sleep(LOOK_AGAIN_MS);
    const { lines: now } = await ask();
    const lines = linesAfter(before, now);
    if (lines.length > 0) show(context, { ...reply, lines: [...lines] }, (shown: LogsReply) => shown.lines);
    before = now;
  }
  return EXIT.ok;
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
