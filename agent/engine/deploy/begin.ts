// Beginning a deployment: its generation, its record and its journal are on disk before its first state is entered.
import { settingsBetween } from '../../../shared/compile/adopt.ts';
import { manifestDigest, planDigest } from '../../../shared/compile/plan.ts';
import { shortDigest } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord, Plan } from '../../../shared/schema/deployment.ts';
import { maxEntries } from '../../core/deploy/recover.ts';
import { rollbackPlan, selectRollbackTarget, verifyReversible } from '../../core/deploy/rollback-target.ts';
import type { DeploymentRequest, Generation, RollbackRequest } from '../../ports/deploy.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import type { DeployerOptions } from './options.ts';
import { createRun, type Run, type RunFacts } from './run.ts';
import type { Undoing } from './watch.ts';

/** Errors: deploy/outdated, deploy/quarantined, disk/*; nothing has begun then. */
export async function beginDeployment(options: DeployerOptions, request: DeploymentRequest): Promise<Run> {
  const { manifest, config, releases, plan } = request;
  const generations = await options.store.generations();
  const previous = await currentGeneration(options, generations);
  verifyStart(plan, previous);
  await verifyNotQuarantined(options, plan);
  const target: StoredGeneration = {
    number: await nextNumber(options),
    manifest,
    config,
    releases,
    plan,
    healthy: false,
    committedBy: null,
  };
  await options.store.addGeneration(target);
  return begin(options, {
    record: await newRecord(options, { target, previous, plan, request }),
    target,
    previous,
    plan,
    stillAllowed: request.stillAllowed,
    acceptUnhealthy: request.acceptUnhealthy ?? false,
    acceptDrift: request.acceptDrift ?? false,
  });
}

/** Towards a generation that is on disk already. Errors: rollback/*, disk/*. */
export async function beginRollback(
  options: DeployerOptions,
  request: RollbackRequest,
  degraded: readonly ComponentKey[] = [],
): Promise<Run> {
  const generations = await options.store.generations();
  const previous = await currentGeneration(options, generations);
  const records = await options.store.records();
  const target = selectRollbackTarget(generations, records, previous?.number ?? null, request.to);
  const plan = rollbackPlan(previous ?? target, target);
  verifyReversible({ steps: plan.steps, from: previous, generations, records });
  const about = { actor: request.actor, note: request.reason };
  const facts = {
    record: await newRecord(options, { target, previous, plan, request: about }),
    target,
    previous,
    plan,
    stillAllowed: async () => true,
    acceptUnhealthy: true,
    acceptDrift: true,
  };
  return begin(options, facts, degraded);
}

/** What a deployment on probation changed has degraded: back to where it came from. Errors as above. */
export async function beginUndoing(options: DeployerOptions, { record, because }: Undoing): Promise<Run> {
  const { component, since, detail } = because;
  const reason = sanitizeLine(`${component} degraded after change ${record.id}, at ${since}: ${detail}`, 300);
  const to = record.previousGeneration === null ? {} : { to: record.previousGeneration };
  return beginRollback(options, { ...to, reason, actor: 'agent' }, [component]);
}

/** Null on an empty instance. Error: deploy/generation-damaged: what runs is not known, so nothing may replace it. */
export async function currentGeneration(
  options: Pick<DeployerOptions, 'store'>,
  generations: readonly StoredGeneration[],
): Promise<StoredGeneration | null> {
  const number = await options.store.currentNumber();
  if (number === null) return null;
  const current = generations.find((one) => one.number === number);
  if (current === undefined) throw new FairleadError('deploy/generation-damaged', { generation: number });
  return current;
}

// The record first: a journal always has the record it is about.
async function begin(
  options: DeployerOptions,
  facts: RunFacts,
  degraded: readonly ComponentKey[] = [],
): Promise<Run> {
  const { id } = facts.record;
  const own = await withSoakOf(options);
  await options.store.writeRecord(facts.record);
  await options.journal.begin(id, maxEntries(facts.plan.steps.length));
  const run = createRun(own, facts, []);
  await run.enter('planned', degraded.length === 0 ? {} : { degraded: [...degraded] });
  return run;
}

/** What begins was held against its window with the soak as it stood then: one that is made longer meanwhile is the next one's. */
async function withSoakOf(options: DeployerOptions): Promise<DeployerOptions> {
  const begunMs = await options.soakMs();
  return { ...options, soakMs: async () => Math.min(begunMs, await options.soakMs()) };
}

function verifyStart(plan: Plan, previous: Generation | null): void {
  const running = previous === null ? null : manifestDigest(previous.manifest);
  if (plan.from === running) return;
  const written = (digest: typeof running) => (digest === null ? 'an empty instance' : shortDigest(digest));
  throw new FairleadError('deploy/outdated', { planned: written(plan.from), running: written(running) });
}

async function verifyNotQuarantined({ store }: DeployerOptions, plan: Plan): Promise<void> {
  const entry = (await store.quarantine()).find((one) => one.release === plan.to);
  if (entry === undefined) return;
  throw new FairleadError('deploy/quarantined', { target: shortDigest(plan.to), record: entry.record });
}

// Numbers are never used twice, not even those of generations that are gone: records name them for good.
async function nextNumber({ store }: DeployerOptions): Promise<number> {
  const used = (await store.records()).map((one) => one.generation);
  return Math.max(await store.newestGeneration(), ...used) + 1;
}

interface Described {
  readonly target: Generation;
  readonly previous: Generation | null;
  readonly plan: Plan;
  readonly request: Pick<DeploymentRequest, 'actor' | 'note' | 'fix'>;
}

async function newRecord(
  { store, clock }: DeployerOptions,
  { target, previous, plan, request }: Described,
): Promise<DeploymentRecord> {
  return {
    schema: 'fairlead/record@1',
    id: (await store.newestRecordId()) + 1,
    generation: target.number,
    previousGeneration: previous?.number ?? null,
    reason: plan.reason,
    plan: planDigest(plan),
    from: plan.from,
    to: plan.to,
    steps: plan.steps.map(({ component, from, to }) => {
      const change = target.releases.get(component)?.document.change.id ?? null;
      return { component, from, to, change };
    }),
    state: 'planned',
    stages: [{ state: 'planned', at: formatInstantMs(clock.now()) }],
    failure: null,
    ...(request.fix === undefined ? {} : { fix: request.fix }),
    ...adoptedBy(previous, target, { plan, request }),
    actor: request.actor,
    ...(request.note === undefined ? {} : { note: request.note }),
  };
}

/** A fix keeps the configuration in force, but for this. */
function adoptedBy(
  previous: Generation | null,
  target: Generation,
  { plan: { reason, steps }, request }: Pick<Described, 'plan' | 'request'>,
): Pick<DeploymentRecord, 'adopted'> {
  const isFix = reason.kind === 'forced' || request.fix !== undefined;
  if (!isFix || previous === null) return {};
  const moved = steps.map(({ component }) => component);
  const adopted = settingsBetween(previous.config, target.config, moved).map((one) => ({ ...one }));
  return adopted.length === 0 ? {} : { adopted };
}
