// fairlead advisories: what the vendor's security team published, and whether it affects what runs here.

import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import { formatTable, type Style } from '../../../shared/present/table.ts';
import { type AdvisoriesReply, advisoriesReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';

export async function advisories(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/advisories', advisoriesReply);
  show(context, reply, () => renderAdvisories(reply, context.style));
  return 0;
}

function renderAdvisories(reply: AdvisoriesReply, style: Style): readonly string[] {
  const open = reply.advisories.filter((each) => !each.withdrawn && each.affects.length > 0);
  const verdict =
    open.length === 0
      ? style.good('no published advisory affects what runs here')
      : style.bad(`${count(open.length, 'advisory affects', 'advisories affect')} what runs here`);
  if (reply.advisories.length === 0) return [style.bold(verdict)];
  const rows = reply.advisories.map((each) => [
    each.id,
    each.withdrawn ? 'withdrawn' : `${each.severity}${each.exploited === true ? ', exploited' : ''}`,
    each.affects.length === 0 ? 'no' : each.affects.join(', '),
    each.deadline ?? '-',
    sanitizeLine([each.title, ...each.cves].join(', ')),
  ]);
  return [
    style.bold(verdict),
    ...formatTable([['ADVISORY', 'SEVERITY', 'AFFECTS', 'DEADLINE', 'TITLE'], ...rows]),
    ...open.flatMap(renderDetails),
  ];
}

/** Of those that affect what runs here: what somebody can do, what to do about it, and where more is told. */
function renderDetails({ id, details }: AdvisoriesReply['advisories'][number]): readonly string[] {
  if (details === undefined) return [];
  const { exploitedSince, impact, action, aliases = [], cvss = [], references = [] } = details;
  const lines = [
    ...(exploitedSince === undefined ? [] : [`in use since ${exploitedSince}`]),
    ...(impact === undefined ? [] : paragraphs('impact', impact)),
    ...(action === undefined ? [] : paragraphs('action', action)),
    ...(aliases.length === 0 ? [] : [`also known as ${aliases.join(', ')}`]),
    ...cvss,
    ...references.map(({ kind, url }) => `${kind}: ${url}`),
  ];
  return ['', id, ...lines.map((line) => `  ${line}`)];
}

function paragraphs(name: string, text: string): readonly string[] {
  const [first = '', ...others] = text.split('\n').map((line) => sanitizeLine(line, 5_000));
  return [`${name}: ${first}`, ...others.map((line) => `  ${line}`)];
}
