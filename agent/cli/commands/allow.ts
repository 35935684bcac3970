// fairlead allow: what containers of a component may reach of this machine, shown and changed.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { formatTable } from '../../../shared/present/table.ts';
import { allowancesReply } from '../../../shared/protocol/settings.ts';
import { type CliContext, show } from '../context.ts';
import type { EditOptions } from '../policy-edit.ts';

export async function listAllowed(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/allowances', allowancesReply);
  const rows = reply.allowances.map(({ component, reach }) => [component, reach]);
  show(context, reply, () =>
    rows.length === 0
      ? ['Containers are kept from the machine.']
      : formatTable([['COMPONENT', 'MAY REACH'], ...rows]),
  );
  return EXIT.ok;
}

export async function allow(
  context: CliContext,
  component: string,
  reach: string,
  options: EditOptions,
): Promise<number> {
  return await edit(context, { component, reach, allowed: true }, options);
}

export async function disallow(
  context: CliContext,
  component: string,
  reach: string,
  options: EditOptions,
): Promise<number> {
  return await edit(context, { component, reach, allowed: false }, options);
}

async function edit(context: CliContext, wanted: object, { reason, yes }: EditOptions): Promise<number> {
  const put = (preview: boolean) =>
    context.client.call('PUT', '/v1/allowances', allowancesReply, { ...wanted, reason, preview });
  if (context.interactive && yes !== true) {
    const { changes } = await put(true);
    context.print(describe(changes).join('\n'));
    if (changes.length === 0) return EXIT.ok;
    if (!(await context.confirm('Change it so, from the next deployment on?'))) return EXIT.refused;
  }
  const reply = await put(false);
  show(context, reply, () => describe(reply.changes));
  return EXIT.ok;
}

function describe(changes: readonly string[]): readonly string[] {
  return changes.length === 0 ? ['This changes nothing.'] : changes.map((line) => sanitizeLine(line, 1_300));
}
