// fairlead verify: every live file hashed again and compared with what was signed.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { count } from '../../../shared/present/count.ts';
import type { Style } from '../../../shared/present/style.ts';
import { indent } from '../../../shared/present/table.ts';
import { type VerifyReply, verifyReply } from '../../../shared/protocol/admin.ts';
import { type RepairReply, repairReply } from '../../../shared/protocol/repair.ts';
import { type CliContext, show } from '../context.ts';

const SHOWN = 20;

export interface VerifyOptions {
  readonly repair?: boolean;
  readonly reason?: string;
}

/** Exits with 5 when files differ from what was signed. */
export async function verify(context: CliContext, options: VerifyOptions = {}): Promise<number> {
  if (options.repair === true) return await repair(context, options.reason ?? 'repair by hand');
  const reply = await context.client.call('POST', '/v1/verify', verifyReply);
  show(context, reply, () => renderVerification(reply, context.style));
  return isWhole(reply) ? EXIT.ok : EXIT.untrusted;
}

async function repair(context: CliContext, reason: string): Promise<number> {
  const reply = await context.client.call('POST', '/v1/verify/repair', repairReply, { reason });
  show(context, reply, () => renderRepairs(reply, context.style));
  return EXIT.ok;
}

function renderRepairs({ repairs }: RepairReply, style: Style): readonly string[] {
  const verdict =
    repairs.length === 0 ? 'nothing to repair: what runs is exactly what was signed' : 'repaired';
  return [
    style.bold(style.good(verdict)),
    ...repairs.flatMap(({ component, version, deviations, restarted }) => [
      `${component} ${version}  ${count(deviations.length, 'file')}${restarted ? ', restarted' : ''}`,
      ...indent(deviations.slice(0, SHOWN).map((each) => `${each.problem}  ${sanitizeLine(each.path)}`)),
    ]),
  ];
}

function renderVerification(reply: VerifyReply, style: Style): readonly string[] {
  const verdict = isWhole(reply)
    ? style.good('what runs is exactly what was signed')
    : style.bad('files were changed, added or removed by hand');
  return [
    style.bold(verdict),
    ...reply.components.flatMap(({ component, version, tree, deviations }) => [
      `${component} ${version}  ${deviations.length === 0 ? 'whole' : count(deviations.length, 'deviation')}  ${tree}`,
      ...indent(deviations.slice(0, SHOWN).map((each) => `${each.problem}  ${sanitizeLine(each.path)}`)),
      ...(deviations.length > SHOWN ? [`  and ${deviations.length - SHOWN} more: --json lists all`] : []),
    ]),
  ];
}

function isWhole(reply: VerifyReply): boolean {
  return reply.components.every((component) => component.deviations.length === 0);
}
