// What the signed metadata means for the changes behind it: released when listed, deployed when ordered.

import type { ChangeRecord } from '../../../shared/change/change.ts';
import { stageDue, transition } from '../../../shared/change/pipeline.ts';
import type { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { componentNameOf, type ReleaseRef } from '../../../shared/schema/release-ref.ts';
import { readChange, refOfChange, writeChange } from './changes.ts';
import { findRelease, readAdvisories, readRolloutsOf } from './documents.ts';
import { rememberChanges } from './known-changes.ts';
import type { Session } from './passphrases.ts';

/**
 * Takes every change through the stages that its role's signatures have completed, whoever gave the last one. Derived
 * from what is signed, so a command killed between signing and recording loses nothing. Returns the changes moved.
 */
export async function settleChanges(session: Session): Promise<readonly ChangeRecord[]> {
  const { directory } = session;
  const open = (await rememberChanges(directory)).filter(({ due }) => due === 'release' || due === 'deploy');
  const moved: ChangeRecord[] = [];
  for (const { id } of open) {
    const record = await readChange(directory, id);
    const orders = await readOrders(directory, refOfChange(record));
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
  /** Null where it is not released. */
  readonly released: Order | null;
  /** What deploys it: its rollout, or the critical advisory it fixes. */
  readonly deploys: Order | null;
}

function settle(
  record: ChangeRecord,
  { released, deploys: order }: Orders,
  at: string,
  actor: string,
): ChangeRecord {
  let next = record;
  if (stageDue(next) === 'release' && released !== null) {
    const details = { release: released.digest, path: released.path };
    next = transition(next, { stage: 'release', outcome: 'passed', details, at, actor });
  }
  if (stageDue(next) === 'deploy' && released !== null && order !== null) {
    const details = { release: released.digest, order: order.path, document: order.digest };
    next = transition(next, { stage: 'deploy', outcome: 'passed', details, at, actor });
  }
  return next;
}

async function readOrders(directory: string, ref: ReleaseRef): Promise<Orders> {
  const released = await findRelease(directory, ref);
  if (released === null) return { released, deploys: null };
  const rollout = (await readRolloutsOf(directory, ref)).at(-1);
  if (rollout !== undefined) return { released, deploys: rollout };
  const [component, version] = [componentNameOf(ref), ref.version];
  const order = (await readAdvisories(directory)).findLast(
    ({ document }) =>
      document.order !== undefined &&
      !document.withdrawn &&
      document.fixed.some((fix) => fix.component === component && fix.version === version),
  );
  return { released, deploys: order ?? null };
}
