// Settling an ended deployment: record, quarantine, retention, and only then the journal goes. Safe to do twice.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { type Kept, selectExpired } from '../../core/deploy/generation.ts';
import { selectQuarantined } from '../../core/deploy/quarantine.ts';
import { selectOrigin } from '../../core/deploy/rollback-target.ts';
import type { Quarantined } from '../../ports/deploy.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import type { DeployerOptions } from './options.ts';
import { placementOf } from './placement.ts';
import { prepare } from './prepare.ts';
import type { Run } from './run.ts';
import { keepVolumes } from './volumes.ts';

export async function settle(run: Run): Promise<void> {
  const { store, journal, onWarning } = run.options;
  const record = run.current();
  if (record.state === 'committed') await store.markHealthy(record.generation, record);
  await writeQuarantine(run);
  await store.writeRecord(record);
  await journal.end(record.id);
  if (record.state !== 'inconsistent') await keepNeeded(run).catch(onWarning);
  if (record.state === 'committed') await collectGarbage(run.options).catch(onWarning);
  if (record.state !== 'inconsistent') await keepVolumes(run.options).catch(onWarning);
}

/**
 * Of what the drivers prepared, such as images, what runs now is needed; where nothing runs, nothing is. What still serves its
 * last clients beside it goes on needing what it runs on.
 */
async function keepNeeded({ options, plan, target, previous, current }: Run): Promise<void> {
  const generation = current().state === 'committed' ? target : previous;
  for (const component of new Set([...plan.start, ...plan.stop])) {
    const one = await prepare(options, generation, component);
    const placements = [target, previous].map((each) =>
      placementOf(options, component, each?.releases.get(component)?.document),
    );
    for (const service of new Set(placements.flatMap(({ services }) => services))) {
      const unit = one?.unit.component === service ? one.unit : null;
      if (unit === null && (await options.driver.status(service)).kind !== 'absent') continue;
      await options.driver.keepOnly(service, unit);
    }
  }
}

async function writeQuarantine(run: Run): Promise<void> {
  const { store, clock } = run.options;
  const earlier = await store.records();
  await store.changeQuarantine((known) => {
    const added = selectQuarantined({
      record: run.current(),
      target: run.target,
      previous: run.previous,
      failure: run.progress().failure,
      degraded: run.progress().degraded,
      earlier,
      known,
      at: formatInstantMs(clock.now()),
    });
    const isNews = (entry: Quarantined) => added.some((one) => isSame(one, entry));
    const isOver = (entry: Quarantined) => entry.until !== undefined && runsNow(run, entry);
    const kept = known.filter((entry) => !isNews(entry) && !isOver(entry));
    return added.length > 0 || kept.length < known.length ? [...kept, ...added] : known;
  });
}

function isSame(one: Quarantined, other: Quarantined): boolean {
  return one.component === other.component && one.release === other.release;
}

function runsNow(run: Run, { component, release }: Quarantined): boolean {
  return run.current().state === 'committed' && run.target.releases.get(component)?.digest === release;
}

/** Removes what no rollback can need any more: generations past their count, then trees that none of the rest uses. */
async function collectGarbage(options: DeployerOptions): Promise<void> {
  const { store, trees, retention } = options;
  const generations = await store.generations();
  const current = await store.currentNumber();
  const records = await store.records();
  const damaged = (await store.damagedGenerations()).map((number) => unreadable(number, records));
  const whole = generations.map(describe);
  const all = [...whole, ...damaged].toSorted((a, b) => a.number - b.number);
  const before = [whole, all].flatMap((some) => {
    const healthy = some.filter((one) => one.healthy);
    return selectOrigin(healthy, records, current)?.number ?? [];
  });
  const expired = selectExpired(all, { current, before }, retention);
  for (const number of expired) await store.removeGeneration(number);
  const kept = generations.filter((generation) => !expired.includes(generation.number));
  const used = kept.flatMap((generation) => generation.manifest.components.map((one) => one.tree));
  // Whoever brings one back finds its files too: it may be rolled back to with no server.
  const left = damaged.filter(({ number }) => !expired.includes(number));
  for (const { number } of left) used.push(...(await store.linkedTrees(number)));
  await trees.collect(new Set<Digest>(used));
}

/** It goes when it would have gone had it stayed whole. Where no record tells how it was made, it may have been healthy. */
function unreadable(number: number, records: readonly DeploymentRecord[]): Kept {
  const made = records.find((one) => one.generation === number && one.reason.kind !== 'rollback');
  return { number, healthy: made === undefined || made.state === 'committed', trees: new Map() };
}

function describe({ number, healthy, releases }: StoredGeneration): Kept {
  const trees = [...releases.values()].map(({ document }) => document.tree);
  return { number, healthy, trees: new Map(trees.map((tree) => [tree.digest, tree.bytes])) };
}
