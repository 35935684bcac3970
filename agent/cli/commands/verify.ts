// fairlead verify: every live file hashed again and compared with what was signed.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { type VerifyReply, verifyReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';
import type { Style } from '../output/style.ts';
import { indent } from '../output/table.ts';

const SHOWN = 20;

export async function verify(context: CliContext): Promise<number> {
  const reply = await context.client.call('POST', '/v1/verify', verifyReply);
  show(context, reply, () => renderVerification(reply, context.style));
  return isWhole(reply) ? EXIT.ok : EXIT.untrusted;
}

function renderVerification(reply: VerifyReply, style: Style): readonly string[] {
  const verdict = isWhole(reply)
    ? style.good('what runs is exactly what was signed')
    : style.bad('files were changed, added or removed by hand');
  return [
    style.bold(verdict),
    ...reply.components.flatMap(({ component, version, tree, deviations }) => [
      `${component} ${version}  ${deviations.length === 0 ? 'whole' : `${deviations.length} deviations`}  ${tree}`,
      ...indent(deviations.slice(0, SHOWN).map((each) => `${each.problem}  ${sanitizeLine(each.path)}`)),
      ...(deviations.length > SHOWN ? [`  and ${deviations.length - SHOWN} more: --json lists all`] : []),
    ]),
  ];
}

function isWhole(reply: VerifyReply): boolean {
  return reply.components.every((component) => component.deviations.length === 0);
}
