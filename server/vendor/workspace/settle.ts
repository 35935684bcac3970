// What the signed metadata means for the changes behind it: released when listed, deployed when ordered.

import type { ChangeRecord } from '../../../shared/change/change.ts';
import { stageDue, transition } from '../../../shared/change/pipeline.ts';
import type { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { formatRef, releasePath } from '../../../shared/schema/release-ref.ts';
import { listChanges, refOfChange, writeChange } from './changes.ts';
import { readAdvisories, readReleases } from './documents.ts';
import type { Session } from './passphrases.ts';

/**
 * Takes every change through the stages that its role's signatures have completed, whoever gave the last one. Derived
 * from what is signed, so a command killed between signing and recording loses nothing. Returns the changes moved.
 */
export async function settleChanges(session: Session): Promise<readonly ChangeRecord[]> {
  const open = (await listChanges(session.directory)).filter(isAwaitingSignatures);
  if (open.length === 0) return [];
  const orders = await readOrders(session.directory);
  const moved: ChangeRecord[] = [];
  for (const record of open) {
    const next = settle(record, orders, formatInstant(session.now()), session.actor);
    if (next === record) continue;
    await writeChange(session.directory, next);
    moved.push(next);
  }
  return moved;
}

interface Order {
  readonly path: string;
  readonly digest: ReturnType<typeof digestOf>;
}

interface Orders {
  /** Released documents by path. */
  readonly releases: ReadonlyMap<string, Order>;
  /** What deploys a release, by `component@version`: its rollout, or the critical advisory it fixes. */
  readonly deploys: ReadonlyMap<string, Order>;
}

function isAwaitingSignatures(record: ChangeRecord): boolean {
  const due = stageDue(record);
  return due === 'release' || due === 'deploy';
}

function settle(record: ChangeRecord, orders: Orders, at: string, actor: string): ChangeRecord {
  let next = record;
  const path = releasePath(refOfChange(record));
  const released = orders.releases.get(path);
  if (stageDue(next) === 'release' && released !== undefined) {
    const details = { release: released.digest, path };
    next = transition(next, { stage: 'release', outcome: 'passed', details, at, actor });
  }
  const order = orders.deploys.get(formatRef(refOfChange(record)));
  if (stageDue(next) === 'deploy' && released !== undefined && order !== undefined) {
    const details = { release: released.digest, order: order.path, document: order.digest };
    next = transition(next, { stage: 'deploy', outcome: 'passed', details, at, actor });
  }
  return next;
}

async function readOrders(directory: string): Promise<Orders> {
  const { releases, rollouts } = await readReleases(directory);
  const deploys = new Map<string, Order>();
  for (const signed of await readAdvisories(directory)) {
    const { document } = signed;
    if (document.order === undefined || document.withdrawn) continue;
    for (const fix of document.fixed) deploys.set(`${fix.component}@${fix.version}`, signed);
  }
  for (const signed of rollouts) deploys.set(formatRef(signed.document.release), signed);
  return { releases: new Map(releases.map((signed) => [signed.path, signed])), deploys };
}
