// fairlead rollback --rehearse: whether a rollback would work, what it would cost, and nothing touched.
import { formatDuration } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { indent, type Style } from '../../../shared/present/table.ts';
import { type RehearsalReply, rehearsalReply } from '../../../shared/protocol/upkeep.ts';
import { type CliContext, show } from '../context.ts';

/** Exits with 4 when the rollback would be refused or fail. */
export async function rehearse(context: CliContext, to: number | string | undefined): Promise<number> {
  const reply = await context.client.call('POST', '/v1/rollback/rehearsal', rehearsalReply, { to });
  show(context, reply, () => renderRehearsal(reply, context.style));
  return isReady(reply) ? EXIT.ok : EXIT.refused;
}

function renderRehearsal(reply: RehearsalReply, style: Style): readonly string[] {
  const target = `generation ${reply.generation}`;
  const verdict = isReady(reply)
    ? style.good(`a rollback to ${target} is ready`)
    : style.bad(`a rollback to ${target} would fail`);
  const moves = reply.steps.map(
    ({ component, from, to }) => `${component} ${from ?? 'none'} → ${to ?? 'removed'}`,
  );
  return [
    style.bold(verdict),
    ...indent(moves),
    'tried without stopping anything',
    ...indent(reply.checks.map(({ check, problem }) => renderCheck(check, problem, style))),
    'would cost',
    ...indent(costsOf(reply)),
  ];
}

function renderCheck(check: string, problem: string | null, style: Style): string {
  if (problem === null) return `${style.good('yes')}  ${check}`;
  return `${style.bad('no')}   ${check}: ${sanitizeLine(problem, 500)}`;
}

function costsOf({ interruptionMs, restores }: RehearsalReply): readonly string[] {
  const time =
    interruptionMs === null
      ? 'time: unknown, no deployment has been measured here yet'
      : `time: about ${formatDuration(interruptionMs)}, the longest of the last deployments`;
  const data = restores.map(
    (component) => `data: ${component} goes back to its snapshot; later work is lost`,
  );
  return [time, 'network: none', ...data];
}

function isReady(reply: RehearsalReply): boolean {
  return reply.checks.every(({ problem }) => problem === null);
}
