// fairlead verify: every live file hashed again and compared with what was signed.
import { z } from 'zod';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count, EXIT } from '../../../shared/errors/entry.ts';
import { indent, type Style } from '../../../shared/present/table.ts';
import { type VerifyReply, verifyReply } from '../../../shared/protocol/admin.ts';
import { type RepairReply, repairReply } from '../../../shared/protocol/upkeep.ts';
import { type Deviation, isDamage } from '../../core/deploy/generation.ts';
import { type CliContext, show } from '../context.ts';

export const verifyAnswer = z.union([verifyReply, repairReply]);

const SHOWN = 20;

export interface VerifyOptions {
  readonly repair?: boolean;
  readonly removeAdded?: boolean;
  readonly reason?: string;
}

/** Exits with 5 when files differ from what was signed. */
export async function verify(context: CliContext, options: VerifyOptions = {}): Promise<number> {
  if (options.repair === true) return await repair(context, options);
  const reply = await context.client.call('POST', '/v1/verify', verifyReply);
  show(context, reply, () => renderVerification(reply, context.style));
  return isWhole(reply) ? EXIT.ok : EXIT.untrusted;
}

async function repair(context: CliContext, options: VerifyOptions): Promise<number> {
  const { reason = 'repair by hand', removeAdded = false } = options;
  const body = { reason, removeAdded };
  const reply = await context.client.call('POST', '/v1/verify/repair', repairReply, body);
  show(context, reply, () => renderRepairs(reply, context.style));
  return EXIT.ok;
}

function renderRepairs({ repairs }: RepairReply, style: Style): readonly string[] {
  const mended = repairs.filter(({ deviations }) => deviations.length > 0);
  const added = repairs.filter((one) => one.added > 0);
  return [
    style.bold(style.good(mended.length === 0 ? 'nothing to repair: what was signed is whole' : 'repaired')),
    ...added.map((one) => `${one.component} ${one.version}  ${count(one.added, 'addition')} left`),
    ...(added.length === 0 ? [] : [ADDED]),
    ...mended.flatMap(({ component, version, deviations, restarted }) => [
      `${component} ${version}  ${count(deviations.length, 'file')}${restarted ? ', restarted' : ''}`,
      ...indent(deviations.slice(0, SHOWN).map((each) => `${each.problem}  ${sanitizeLine(each.path)}`)),
    ]),
  ];
}

function renderVerification(reply: VerifyReply, style: Style): readonly string[] {
  const all = reply.components.flatMap(({ deviations }) => deviations);
  return [
    style.bold(verdictOf(all, style)),
    ...(all.length === 0 || all.some(isDamage) ? [] : [ADDED]),
    ...reply.components.flatMap(({ component, version, tree, deviations }) => [
      `${component} ${version}  ${deviations.length === 0 ? 'whole' : count(deviations.length, 'deviation')}  ${tree}`,
      ...indent(deviations.slice(0, SHOWN).map((each) => `${each.problem}  ${sanitizeLine(each.path)}`)),
      ...(deviations.length > SHOWN ? [`  and ${deviations.length - SHOWN} more: --json lists all`] : []),
    ]),
  ];
}

const ADDED =
  'A service does this when it writes beside its code. It blocks nothing, and is gone with this version: fairlead verify --repair --remove-added';

function verdictOf(deviations: readonly Deviation[], style: Style): string {
  if (deviations.length === 0) return style.good('what runs is exactly what was signed');
  if (deviations.some(isDamage)) return style.bad('files were changed or removed by hand');
  return style.warn('what was signed is whole; beside it stand files that nobody signed');
}

function isWhole(reply: VerifyReply): boolean {
  return reply.components.every((component) => component.deviations.length === 0);
}
