// Enforcing a patch: what a signed order does not force is proposed to whoever runs an affected version.
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Advisory } from '../../shared/schema/advisory.ts';
import { MOST_OPEN } from '../../shared/schema/proposal.ts';
import { compareVersions, type Version } from '../../shared/version/version.ts';
import { appendAudit } from './audit.ts';
import { listRunning, type RunningVersion } from './exposure.ts';
import { OPEN } from './proposal-row.ts';
import { createProposals } from './proposals.ts';
import type { DatabaseTransaction } from './tables.ts';

/** One transaction makes no more than so many; whoever asks again goes on behind them. */
export const MOST_ENFORCED = 1_000;

export interface Enforcement {
  readonly advisory: Advisory;
  /** What runs somewhere and is affected. */
  readonly affected: readonly RunningVersion[];
  /** `component@version` of everything that is released. */
  readonly released: ReadonlySet<string>;
  readonly reason: string;
  readonly actor: string;
}

interface Enforced {
  readonly proposed: number;
  readonly waiting: number;
  readonly left_out: number;
  readonly more: boolean;
}

/** Errors: those of createProposals. */
export async function enforcePatch(
  trx: DatabaseTransaction,
  { advisory, affected, released, reason, actor }: Enforcement,
  now: EpochMs,
): Promise<Enforced> {
  const enforced = { proposed: 0, waiting: 0, left_out: 0, more: false };
  const fixes = advisory.order === undefined ? affected : [];
  for (const version of fixes) {
    const fix = nearestFix(advisory, version, released);
    if (fix === null) {
      enforced.left_out += version.instances;
      continue;
    }
    const wish = { kind: 'deploy', release: `${version.component}@${fix}` } as const;
    const room = MOST_ENFORCED - enforced.proposed;
    const found = await selectUnasked(trx, version, JSON.stringify(wish), room, now);
    enforced.waiting += found.waiting;
    enforced.left_out += found.full;
    enforced.more ||= found.more;
    const made = { instances: found.unasked, group: null, wish, policy: null, reason, actor };
    if (found.unasked.length > 0) await createProposals(trx, { ...made, expires: undefined }, now);
    enforced.proposed += found.unasked.length;
  }
  const details = { reason, ...enforced };
  await appendAudit(trx, { actor, action: 'patch.enforced', subject: advisory.id, details }, now);
  return enforced;
}

/** As an install would choose: the lowest above what runs. */
function nearestFix(
  { fixed }: Advisory,
  { component, version }: RunningVersion,
  released: ReadonlySet<string>,
): Version | null {
  const above = fixed.filter(
    (fix) =>
      fix.component === component &&
      compareVersions(fix.version, version) > 0 &&
      released.has(`${component}@${fix.version}`),
  );
  return above.map((fix) => fix.version).sort(compareVersions)[0] ?? null;
}

/** Those who run this version and have no such proposal before them, in the order of their ids; at most `room`. */
async function selectUnasked(
  trx: DatabaseTransaction,
  version: RunningVersion,
  wish: string,
  room: number,
  now: EpochMs,
) {
  const [unasked, at] = [[] as string[], formatInstantMs(now)];
  let [waiting, full, after] = [0, 0, null as Parameters<typeof listRunning>[2]['after']];
  do {
    const { entries, next } = await listRunning(trx, [version], { limit: MOST_ENFORCED, after });
    const ids = entries.map(({ instance }) => instance);
    const open = await countOpen(trx, ids, wish, at);
    for (const id of ids) {
      const { all, same } = open.get(id) ?? { all: 0, same: 0 };
      if (same > 0) waiting++;
      else if (all >= MOST_OPEN) full++;
      else if (unasked.length < room) unasked.push(id);
      else return { unasked: unasked.sort(byCodePoint), waiting, full, more: true };
    }
    after = next;
  } while (after !== null);
  return { unasked: unasked.sort(byCodePoint), waiting, full, more: false };
}

/** How many proposals wait at each of these, and how many of them are this one. */
async function countOpen(
  trx: DatabaseTransaction,
  instances: readonly string[],
  wish: string,
  at: string,
): Promise<ReadonlyMap<string, { readonly all: number; readonly same: number }>> {
  if (instances.length === 0) return new Map();
  const rows = await trx
    .selectFrom('proposals')
    .select((select) => [
      'instance',
      select.fn.countAll().as('all'),
      select.fn.count('id').filterWhere('wish', '=', wish).as('same'),
    ])
    .where('instance', 'in', instances)
    .where('status', 'in', OPEN)
    .where('expires_at', '>', at)
    .groupBy('instance')
    .execute();
  return new Map(rows.map(({ instance, all, same }) => [instance, { all: Number(all), same: Number(same) }]));
}
