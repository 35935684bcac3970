// The admin API's routes: which request does what, each body checked before anything happens.

import type { z } from 'zod';
import { toBase64 } from '../../../shared/encoding/bytes.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  type AuditReply,
  applyRequest,
  type ChangeReply,
  type ChangesReply,
  type ExplanationReply,
  type LiftReply,
  liftRequest,
  rollbackRequest,
  whatIfRequest,
} from '../../../shared/protocol/admin.ts';
import { approvalRequest, policyRequest, receiptRequest } from '../../../shared/protocol/admin-policy.ts';
import { factRequest } from '../../../shared/protocol/facts.ts';
import { packagesRequest } from '../../../shared/protocol/packages.ts';
import { templateRequest, verdictRequest } from '../../../shared/protocol/proposal.ts';
import type { ReceiptsReply, RootsReply } from '../../../shared/protocol/receipt.ts';
import { reportingRequest } from '../../../shared/protocol/sent.ts';
import { allowanceRequest, settingRequest } from '../../../shared/protocol/settings.ts';
import { logsRequest, rehearsalRequest, repairRequest } from '../../../shared/protocol/upkeep.ts';
import { wayRequest } from '../../../shared/protocol/way.ts';
import { type ComponentKey, componentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { parseDocument, parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { lineOf } from '../../core/audit-chain.ts';
import { everyReceipt } from '../../core/receipts.ts';
import type { AdminHandler, AdminRequest } from '../../ports/server.ts';
import { giveApproval, readApprovals, takeReceipt } from './approvals.ts';
import { type Assessing, assess } from './assess.ts';
import { startApply, startRollback } from './deployments.ts';
import { readFacts, sayFact } from './facts.ts';
import { testNotices } from './notifier.ts';
import { overridesIn } from './overrides.ts';
import { readPackages } from './packages.ts';
import { changePolicy, readPolicy } from './policy.ts';
import { acceptProposal, declineProposal, readProposals, readTemplate } from './proposals.ts';
import { changeReporting, readSent } from './reporting.ts';
import { editAllowance, editSetting, readAllowances, readSettings } from './settings.ts';
import type { AgentState, Needs } from './state.ts';
import { readAdvisories, readExplanation, readStatus, readSurvey, verifyLive } from './status.ts';
import { describeUnderWay } from './under-way.ts';
import { readLogs, rehearse, repair, stage } from './upkeep.ts';
import { readWay } from './way.ts';

type Route = (state: AgentState, request: AdminRequest, parameter: string) => Promise<unknown>;

const ROUTES: readonly (readonly [method: string, path: RegExp, route: Route])[] = [
  ['GET', /^\/v1\/status$/, (state) => readStatus(state)],
  ['GET', /^\/v1\/sent$/, (state) => readSent(state)],
  ['PUT', /^\/v1\/reporting$/, (state, r) => changeReporting(state, parse(reportingRequest, r), r.actor)],
  ['GET', /^\/v1\/survey$/, (state) => readSurvey(state)],
  ['GET', /^\/v1\/explanation$/, (state) => readExplanation(state)],
  ['POST', /^\/v1\/what-if$/, (state, r) => readExplanation(state, parse(whatIfRequest, r))],
  ['POST', /^\/v1\/way$/, (state, r) => readWay(state, parse(wayRequest, r))],
  ['POST', /^\/v1\/packages$/, (state, r) => readPackages(state, parse(packagesRequest, r))],
  ['POST', /^\/v1\/check$/, (state) => check(state)],
  ['POST', /^\/v1\/apply$/, (state, r) => startApply(state, parse(applyRequest, r), r.actor)],
  ['POST', /^\/v1\/rollback$/, (state, r) => startRollback(state, parse(rollbackRequest, r), r.actor)],
  ['POST', /^\/v1\/rollback\/rehearsal$/, (state, r) => rehearse(state, parse(rehearsalRequest, r))],
  ['GET', /^\/v1\/changes$/, (state) => listChanges(state)],
  ['GET', /^\/v1\/changes\/(\d{1,9})$/, (state, _r, id) => readChange(state, Number(id))],
  ['POST', /^\/v1\/logs$/, (state, r) => readLogs(state, parse(logsRequest, r))],
  ['GET', /^\/v1\/policy$/, (state) => readPolicy(state)],
  ['PUT', /^\/v1\/policy$/, (state, r) => changePolicy(state, parse(policyRequest, r), r.actor)],
  ['POST', /^\/v1\/template$/, (state, r) => readTemplate(state, parse(templateRequest, r).name)],
  ['GET', /^\/v1\/settings$/, (state) => readSettings(state)],
  ['PUT', /^\/v1\/settings$/, (state, r) => editSetting(state, parse(settingRequest, r), r.actor)],
  ['GET', /^\/v1\/allowances$/, (state) => readAllowances(state)],
  ['PUT', /^\/v1\/allowances$/, (state, r) => editAllowance(state, parse(allowanceRequest, r), r.actor)],
  ['GET', /^\/v1\/facts$/, (state) => readFacts(state)],
  ['PUT', /^\/v1\/facts$/, (state, r) => sayFact(state, parse(factRequest, r), r.actor)],
  ['POST', /^\/v1\/notices\/test$/, (state) => testNotices(state.notices, () => readStatus(state))],
  ['GET', /^\/v1\/approvals$/, (state) => readApprovals(state)],
  ['POST', /^\/v1\/approvals$/, (state, r) => giveApproval(state, parse(approvalRequest, r), r.actor)],
  [
    'POST',
    /^\/v1\/approvals\/receipts$/,
    (state, r) => takeReceipt(state, parse(receiptRequest, r), r.actor),
  ],
  ['GET', /^\/v1\/proposals$/, (state) => readProposals(state)],
  [
    'POST',
    /^\/v1\/proposals\/(\d{1,9})\/accept$/,
    (state, r, number) => acceptProposal(state, Number(number), parse(verdictRequest, r), r.actor),
  ],
  [
    'POST',
    /^\/v1\/proposals\/(\d{1,9})\/decline$/,
    (state, r, number) => declineProposal(state, Number(number), parse(verdictRequest, r), r.actor),
  ],
  ['POST', /^\/v1\/verify\/repair$/, (state, r) => repair(state, parse(repairRequest, r), r.actor)],
  ['POST', /^\/v1\/verify$/, (state) => verifyLive(state)],
  ['GET', /^\/v1\/audit$/, (state) => readAudit(state)],
  ['GET', /^\/v1\/audit\/receipts$/, (state) => readReceipts(state)],
  ['GET', /^\/v1\/audit\/roots$/, (state) => readRoots(state)],
  ['POST', /^\/v1\/stage$/, (state) => stage(state)],
  ['GET', /^\/v1\/advisories$/, (state) => readAdvisories(state)],
  ['DELETE', /^\/v1\/quarantine\/([^/]+\/[^/]+)$/, (state, r, name) => lift(state, parseComponent(name), r)],
];

export function createAdminRoutes(state: AgentState): AdminHandler {
  return async (request) => {
    for (const [method, path, route] of ROUTES) {
      const match = method === request.method ? path.exec(request.path) : null;
      if (match !== null) return await route(state, request, match[1] ?? '');
    }
    throw new FairleadError('agent/unknown-request', { request: `${request.method} ${request.path}` });
  };
}

async function check(state: Assessing & Needs<'records' | 'wake'>): Promise<unknown> {
  await state.offers.contact.ask();
  const reply = await weighed(state, await readExplanation(state));
  state.wake();
  return reply;
}

/** Who asks for news asks what it costs too: the next round would have that found out, but after the answer. */
async function weighed(
  state: Assessing & Needs<'records'>,
  reply: ExplanationReply,
): Promise<ExplanationReply> {
  if (reply.forecast?.atMost !== true || reply.inProgress !== null) return reply;
  const { weights } = state.offers;
  const { offer } = await assess(state);
  weights.look(offer?.target.releases.values() ?? []);
  const patience = new AbortController();
  await Promise.race([weights.settled(), state.clock.sleep(PATIENCE_MS, patience.signal)]);
  patience.abort();
  return await readExplanation(state);
}

/** The server was asked a moment ago; one that hangs now says nothing of how much would come. */
const PATIENCE_MS = 2_000;

async function readAudit(state: Needs<'records'>): Promise<AuditReply> {
  const { entries, head } = await state.records.audit.read();
  const { count, digest } = head;
  return { schema: 'fairlead/audit-log@1', lines: entries.map(lineOf), count, digest };
}

async function readReceipts(state: Needs<'records'>): Promise<ReceiptsReply> {
  const kept = await state.records.receipts.read();
  return { schema: 'fairlead/receipts-list@1', receipts: kept === null ? [] : [...everyReceipt(kept)] };
}

async function readRoots(state: Needs<'records'>): Promise<RootsReply> {
  const roots = await state.records.keptRoots();
  return { schema: 'fairlead/roots@1', roots: roots.map(toBase64) };
}

async function listChanges(state: Needs<'deployer'>): Promise<ChangesReply> {
  return { schema: 'fairlead/changes@1', changes: [...(await recordsOf(state))] };
}

async function readChange(
  state: Needs<'clock' | 'deployer' | 'offers' | 'trees'>,
  id: number,
): Promise<ChangeReply> {
  const change = (await recordsOf(state)).find((record) => record.id === id);
  if (change === undefined) {
    const isThere = (await state.deployer.recordDamages()).some((one) => one.includes(`/${id}.json `));
    if (isThere) throw new FairleadError('change/unreadable', { change: id });
    throw new FairleadError('change/not-found', { change: id });
  }
  const isLive = state.deployer.inProgress()?.id === id;
  const its = (await state.deployer.generations()).find(({ number }) => number === change.generation);
  const overrides = its === undefined ? [] : overridesIn(its);
  return {
    schema: 'fairlead/change@1',
    change,
    ...(isLive ? await describeUnderWay(state) : {}),
    ...(overrides.length === 0 ? {} : { overrides }),
  };
}

/** The record under way as it is in memory: a state may be entered a moment before its record is on disk. */
async function recordsOf(state: Needs<'deployer'>): Promise<readonly DeploymentRecord[]> {
  const records = await state.deployer.records();
  const live = state.deployer.inProgress();
  if (live === null) return records;
  return [...records.filter((record) => record.id !== live.id), live];
}

async function lift(
  state: Needs<'deployer' | 'records' | 'wake'>,
  component: ComponentKey,
  request: AdminRequest,
): Promise<LiftReply> {
  const { reason } = parse(liftRequest, request);
  const entries = (await state.deployer.quarantine()).filter((entry) => entry.component === component);
  if (entries.length === 0) throw new FairleadError('quarantine/not-found', { component });
  await state.records.ledger.record({
    event: 'quarantine-lifted',
    actor: request.actor,
    details: { component, versions: entries.map((entry) => entry.version).join(', '), reason },
  });
  await state.deployer.releaseFromQuarantine(component);
  state.wake();
  return { lifted: entries.map((entry) => entry.version) };
}

function parse<Schema extends z.ZodType>(schema: Schema, request: AdminRequest): z.output<Schema> {
  return parseDocumentBytes(schema, request.body, 'the request');
}

function parseComponent(text: string): ComponentKey {
  return parseDocument(componentKey, text, 'the component');
}
