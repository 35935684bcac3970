// Looking after what runs, at an operator's word: a rollback rehearsed, damaged files repaired.

import { planDigest } from '../../../shared/compile/plan.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import type {
  LogsReply,
  LogsRequest,
  RehearsalReply,
  RehearsalRequest,
  RepairReply,
  RepairRequest,
  StageReply,
} from '../../../shared/protocol/upkeep.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { type Assessing, assess } from './assess.ts';
import type { Needs } from './state.ts';
import { verifyLive } from './status.ts';

/** Errors: deploy/busy, rollback/no-target. */
export async function rehearse(
  state: Needs<'clock' | 'deployer'>,
  { to }: RehearsalRequest,
): Promise<RehearsalReply> {
  const { steps, checks, restores, ...rehearsed } = await state.deployer.rehearse(to);
  const at = formatInstant(state.clock.now());
  const lists = { steps: [...steps], checks: [...checks], restores: [...restores] };
  return { schema: 'fairlead/rehearsal@1', at, ...rehearsed, ...lists };
}

/** Errors: audit/damaged, deploy/busy, and those of the repair. */
export async function repair(
  state: Needs<'clock' | 'deployer' | 'records' | 'trees'>,
  { reason, removeAdded }: RepairRequest,
  actor: string,
): Promise<RepairReply> {
  await state.records.ledger.record({ event: 'repair-requested', actor, details: { reason, removeAdded } });
  const repairs = await state.deployer.repair(removeAdded);
  // The alarm about changed files ends with the change.
  await verifyLive(state);
  return {
    schema: 'fairlead/repair@1',
    at: formatInstant(state.clock.now()),
    repairs: repairs.map((one) => ({ ...one, deviations: [...one.deviations] })),
  };
}

/** Errors: change/no-log, service/no-log, setting/unreadable, disk/*. */
export async function readLogs(state: Needs<'deployer'>, request: LogsRequest): Promise<LogsReply> {
  const { component, change, since } = request;
  const from = since === undefined ? undefined : instantMs(since);
  const lines = await state.deployer.logs(component, { change, since: from });
  return { schema: 'fairlead/logs@1', component, lines: [...lines] };
}

// After a start, so that the agent of a machine that restarts every hour looks too, and not in the bustle of the boot.
const FIRST_LOOK_MS = 60_000;
const LOOK_EVERY_MS = 24 * 3_600_000;

/** Hashes what runs once a day: files changed by hand are an alarm also where nobody asks. Until the signal aborts. */
export async function watchFiles(
  state: Needs<'clock' | 'deployer' | 'log' | 'records' | 'trees'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await state.clock.sleep(await untilLook(state), signal);
    if (signal.aborted || (await untilLook(state)) > FIRST_LOOK_MS) continue;
    await verifyLive(state).catch((err) =>
      state.log.warn({ err }, 'the files of what runs could not be verified'),
    );
  }
}

/** By the clock and what is on disk: whoever looked last, a person or an earlier process, it counts. */
async function untilLook({ records: { verification }, clock }: Needs<'clock' | 'records'>): Promise<number> {
  const last = await verification.read();
  const since = last === null ? Number.POSITIVE_INFINITY : clock.now() - instantMs(last.at);
  // A look that lies in the future was taken by a clock that has been set since.
  return since < 0 ? FIRST_LOOK_MS : Math.max(FIRST_LOOK_MS, LOOK_EVERY_MS - since);
}

/** Fetching is no deployment: no rule of the policy stands against it. Errors: transport/*, tree/*, disk/*. */
export async function stage(state: Assessing & Needs<'trees'>): Promise<StageReply> {
  // Whoever types it means what is out by now; where nobody answers, what is known already.
  await state.offers.contact.ask();
  const { offer } = await assess(state);
  const fetched: ComponentKey[] = [];
  const present: ComponentKey[] = [];
  for (const [component, { document }] of offer?.target.releases ?? []) {
    if (await state.trees.has(document.tree.digest)) present.push(component);
    else {
      await state.trees.add(document.tree);
      fetched.push(component);
    }
  }
  const plan = offer === null ? null : planDigest(offer.plan);
  return { schema: 'fairlead/staged@1', plan, fetched, present };
}
