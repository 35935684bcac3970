// Starting deployments: by the agent's own decision or an operator's word, checked again before anything stops.
import { digestOfValue, shortDigest } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import type { ApplyCommand } from '../../../shared/policy/decide-input.ts';
import { effectivePolicy } from '../../../shared/policy/local-state.ts';
import type { ApiRollbackRequest, ApplyRequest, StartedReply } from '../../../shared/protocol/admin.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Offer } from '../../core/conclude.ts';
import { selectRollbackTarget, verifyRiskAccepted } from '../../core/deploy/rollback-target.ts';
import type { DeploymentRequest } from '../../ports/deploy.ts';
import { type Assessing, assess } from './assess.ts';
import type { Needs } from './state.ts';

/** The agent's own: runs the offer its decision says to apply, to the end. */
export async function deployOffer(state: Assessing, offer: Offer): Promise<DeploymentRecord> {
  return await state.deployer.deploy(requestFor(state, offer, 'agent', null));
}

/**
 * The operator's: decides again with the command in hand and starts what may start.
 * Errors: apply/*, deploy/busy, audit/damaged.
 */
export async function startApply(
  state: Assessing & Needs<'log' | 'records' | 'wake'>,
  request: ApplyRequest,
  actor: string,
): Promise<StartedReply> {
  const command = commandOf(await channelOf(state), request, actor);
  const { decision, offer } = await assess(state, { command });
  if (offer === null) {
    const live = state.deployer.inProgress();
    // What is under way may be what runs already: nothing else is on offer then.
    if (live !== null) throw new FairleadError('deploy/busy', { deployment: live.id });
    if (decision.verdict === 'blocked') throw blockedBy(decision);
    throw new FairleadError('apply/nothing', { verdict: decision.verdict });
  }
  const plan = digestOfValue(offer.plan);
  if (request.plan !== undefined && request.plan !== plan) {
    throw new FairleadError('apply/plan-changed', {
      seen: shortDigest(request.plan),
      now: shortDigest(plan),
    });
  }
  if (decision.verdict !== 'apply') throw blockedBy(decision);
  await state.records.ledger.noteLocal();
  // Recorded before it has an effect: an override nobody can trace does not happen.
  await state.records.ledger.record({
    event: 'apply-requested',
    actor,
    details: { plan, reason: command.reason, override: request.override.join(', ') },
  });
  return await started(state, (onStarted) =>
    state.deployer.deploy({ ...requestFor(state, offer, actor, command), onStarted }),
  );
}

/** Errors: deploy/busy, rollback/*, audit/damaged; rollback/exposes unless every risk is accepted by name. */
export async function startRollback(
  state: Needs<'deployer' | 'log' | 'offers' | 'records' | 'wake'>,
  request: ApiRollbackRequest,
  actor: string,
): Promise<StartedReply> {
  const { to, reason, acceptRisk } = request;
  const { deployer } = state;
  const [generations, records] = await Promise.all([deployer.generations(), deployer.records()]);
  const current = await deployer.current();
  const target = selectRollbackTarget(generations, records, current?.number ?? null, to);
  await inPieces(verifyRiskAccepted(target, state.offers.contact.catalog().advisories, acceptRisk));
  await state.records.ledger.record({
    event: 'rollback-requested',
    actor,
    details: { to: writtenTo(to), reason, acceptedRisk: acceptRisk.join(', ') },
  });
  // What was judged is where it goes, also when another generation was added meanwhile.
  return await started(state, (onStarted) =>
    state.deployer.rollback({ reason, actor, onStarted, to: target.number }),
  );
}

function writtenTo(to: ApiRollbackRequest['to']): string | number | null {
  return typeof to === 'object' ? `${to.component}@${to.version}` : (to ?? null);
}

function requestFor(
  state: Assessing,
  offer: Offer,
  actor: string,
  command: ApplyCommand | null,
): DeploymentRequest {
  const { target, plan, fix } = offer;
  return {
    manifest: target.manifest,
    releases: target.releases,
    config: target.config,
    plan,
    ...(fix === undefined ? {} : { fix }),
    actor,
    ...(command === null ? {} : { note: sanitizeLine(command.reason, 300) }),
    acceptUnhealthy: command?.override.includes('health') === true,
    acceptDrift: command?.override.includes('drift') === true,
    // Minutes of fetching lie between the decision and this moment: policy, halts and time may say no by now.
    stillAllowed: async (soakMs) => {
      const within = { soakMs };
      const { decision } = await assess(state, command === null ? { within } : { within, command });
      return decision.verdict === 'apply' && decision.target?.plan === digestOfValue(plan);
    },
  };
}

/** Answers as soon as there is a record to follow; how it ends is the record's story. */
function started(
  state: Needs<'log' | 'wake'>,
  run: (onStarted: (record: DeploymentRecord) => void) => Promise<DeploymentRecord>,
): Promise<StartedReply> {
  return new Promise((resolve, reject) => {
    const answer = (record: DeploymentRecord) => resolve({ change: record.id });
    run(answer)
      .then(answer, (error) => {
        state.log.warn({ err: error }, 'a deployment could not be started');
        reject(error);
      })
      .finally(() => state.wake());
  });
}

async function channelOf(state: Needs<'choice'>): Promise<string> {
  return effectivePolicy({ policy: await state.choice.settings.policy() }).channel;
}

function commandOf(channel: string, request: ApplyRequest, actor: string): ApplyCommand {
  const isRoutine = channel === 'auto' && request.override.length === 0;
  if (request.reason === undefined && !isRoutine) {
    throw new FairleadError('apply/reason-needed', { channel });
  }
  return {
    actor,
    reason: request.reason ?? 'applied by hand',
    override: request.override,
  };
}

function blockedBy(decision: Decision): FairleadError {
  return new FairleadError('apply/blocked', {
    blockers: decision.blockers.map((blocker) => blocker.message).join('; '),
    clearWith: decision.blockers.find((blocker) => blocker.clearWith !== undefined)?.clearWith ?? null,
  });
}
