// `fleet`: the morning's question, whether a person is needed, and where.
import { count } from '../../../../shared/errors/entry.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { patchesReply } from '../../../../shared/protocol/fleet.ts';
import { type FleetSummary, fleetSummary } from '../../../../shared/protocol/fleet-summary.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer, listAll } from '../fleet.ts';

export interface FleetOptions {
  /** ISO 8601. */
  readonly silent: string;
}

interface Exposure {
  readonly advisory: string;
  readonly severity: string;
  readonly components: number;
}

export async function fleet(session: Session, { silent }: FleetOptions): Promise<void> {
  const { summary, exposed } = await askServer(session, async (server) => ({
    summary: await server.get(`/api/v1/fleet?silent=${encodeURIComponent(silent)}`, fleetSummary),
    exposed: await listAll('/api/v1/security/patches', async (path) => {
      const page = await server.page(path, patchesReply);
      const value = page.value.patches
        .filter(({ exposedCount }) => exposedCount > 0)
        .map(({ advisory, exposedCount }): Exposure => {
          return { advisory: advisory.id, severity: advisory.severity, components: exposedCount };
        });
      return { ...page, value };
    }),
  }));
  session.out.result('fleet', render(summary, exposed.entries), { summary, exposed: exposed.entries });
}

function render(summary: FleetSummary, exposed: readonly Exposure[]): readonly string[] {
  const needs = needsOf(summary, exposed);
  const verdicts = summary.verdicts.map(({ verdict, count: of }) => `${of} ${verdict}`).join(', ');
  return [
    needs.length === 0 ? 'nobody is needed' : `${count(needs.length, 'thing')} for a person to look at`,
    `${count(summary.instances, 'instance')}${verdicts === '' ? '' : `: ${verdicts}`}`,
    ...(needs.length === 0 ? [] : ['', ...formatTable([['What', 'How many', 'Such as'], ...needs])]),
    ...(summary.blocked.length === 0
      ? []
      : ['', ...formatTable([['Blocked by', 'Why', 'How many', 'Such as'], ...summary.blocked.map(rowOf)])]),
  ];
}

function needsOf(summary: FleetSummary, exposed: readonly Exposure[]): readonly (readonly string[])[] {
  const { silent, failing, unhealthy, twinned, isolated, moved } = summary;
  const asks = summary.verdicts.find(({ verdict }) => verdict === 'ask')?.count ?? 0;
  const parts: readonly (readonly [string, FleetSummary['silent']])[] = [
    ['put a forced patch off', putOff(summary)],
    ['failed within a day', failing],
    ['unhealthy', unhealthy],
    ['silent', silent],
    ['two agents, one identity', twinned],
    ['isolated', isolated],
    ['moved away, not retired', moved],
  ];
  return [
    ...exposed.map(({ advisory, severity, components }) => [
      `exposed to ${advisory} (${severity})`,
      count(components, 'component'),
      '',
    ]),
    ...parts.flatMap(([what, one]) => (one.count === 0 ? [] : [[what, String(one.count), namesOf(one)]])),
    ...(asks === 0 ? [] : [['wait for an approval there', String(asks), '']]),
    ...(summary.proposals === 0 ? [] : [['proposals without a final answer', String(summary.proposals), '']]),
  ];
}

/** By `hold --emergency`, with an order on its way. */
function putOff({ blocked }: FleetSummary): FleetSummary['silent'] {
  const held = blocked.find(({ owner, code }) => owner === 'admin' && code === 'emergency-hold');
  return held ?? { count: 0, instances: [] };
}

function rowOf({ owner, code, ...one }: FleetSummary['blocked'][number]): readonly string[] {
  return [owner, code, String(one.count), namesOf(one)];
}

function namesOf({ count: of, instances }: FleetSummary['silent']): string {
  const names = instances.map(({ name }) => name).join(', ');
  return of > instances.length ? `${names}, …` : names;
}
