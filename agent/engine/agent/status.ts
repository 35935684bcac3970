// Answers about the instance: its status, the explanation of its decision, what an operator may want to see.
import { rollbackBoundMs } from '../../../shared/compile/declared-times.ts';
import { affectedAmong } from '../../../shared/compile/exposure.ts';
import type { OrderedAdvisory } from '../../../shared/compile/releases.ts';
import { termsHere } from '../../../shared/compile/waves.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { mapped } from '../../../shared/encoding/pieces.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import { effectiveConfig, effectivePolicy } from '../../../shared/policy/local-state.ts';
import type {
  AdvisoriesReply,
  ExplanationReply,
  StatusReply,
  VerifyReply,
  WhatIfRequest,
} from '../../../shared/protocol/admin.ts';
import type { Channel, Report } from '../../../shared/protocol/report.ts';
import type { SurveyReply } from '../../../shared/protocol/survey.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import type { ManifestComponent } from '../../../shared/schema/deployment.ts';
import { sayFixesFrom } from '../../../shared/schema/policy.ts';
import { refFor, releasePath } from '../../../shared/schema/release-ref.ts';
import { isSameDecision, type Offer } from '../../core/conclude.ts';
import { longestInterruption } from '../../core/deploy/rollback-target.ts';
import { movesOf } from '../../core/forecast.ts';
import { NO_PROPOSALS, selectWaiting } from '../../core/proposals.ts';
import { concludeIf, momentOf } from '../../core/what-if.ts';
import type { ComponentHealth, Quarantined, ServiceStatus } from '../../ports/deploy.ts';
import { alarmsOf, supportOf } from './alarms.ts';
import { type Assessing, type Assessment, assess, assessSoon, readCurrent } from './assess.ts';
import { factsToReport } from './facts.ts';
import { overridesNow } from './overrides.ts';
import { describeOpenings } from './policy.ts';
import type { Needs } from './state.ts';
import { describeUnderWay } from './under-way.ts';

export async function readStatus(state: Assessing & Needs<'records' | 'trees'>): Promise<StatusReply> {
  const assessment = await assessSoon(state);
  const { current, facts, decision } = assessment;
  const [health, quarantine, unsent, overrides] = await Promise.all([
    state.deployer.health(),
    state.deployer.quarantine(),
    state.records.reporter.undelivered(),
    overridesNow(current, facts.records, () => state.deployer.generations()),
  ]);
  return {
    schema: 'fairlead/status@1',
    at: formatInstant(facts.now),
    ...{ agentVersion: state.self.agentVersion, ...(await state.self.slots?.()) },
    instance: { ...state.self.instance },
    ...{ channel: channelOf(assessment), ...sayFixesFrom(effectivePolicy(facts)) },
    track: effectiveConfig(facts, facts.current).track,
    generation: current?.number ?? null,
    manifest: current === null ? null : digestOfValue(current.manifest),
    components: (current?.manifest.components ?? []).map(({ release: _release, ...component }) => ({
      ...component,
      ...healthOf(component, health),
      ...sbomOf(component, facts),
    })),
    ...supportOf(assessment),
    ...(overrides.length === 0 ? {} : { overrides }),
    decision,
    ...(assessment.isOlder ? { deciding: true as const } : {}),
    freshness: {
      state: facts.freshness.state,
      expires: facts.freshness.expires === null ? null : formatInstant(facts.freshness.expires),
    },
    ...{ contact: state.offers.contact.last(), hints: state.offers.hints.state() },
    hold: holdOf(assessment),
    ...{ inProgress: state.deployer.inProgress(), ...(await describeUnderWay(state)) },
    quarantine: quarantine.map(describeQuarantined),
    unsentReports: unsent,
    proposals: selectWaiting((await state.choice.proposals.read()) ?? NO_PROPOSALS).length,
    reporting: {
      ...state.records.reporter.word(),
      ...((await state.records.reporting.isOff()) ? { off: true as const } : {}),
    },
    alarms: await alarmsOf(state, assessment),
  };
}

export async function readSurvey({ offers }: Needs<'offers'>): Promise<SurveyReply> {
  const root = offers.root();
  return {
    schema: 'fairlead/survey@1',
    endpoints: await offers.survey(),
    root: root === null ? null : { version: root.version, expires: formatInstant(root.expires) },
  };
}

export async function readExplanation(
  state: Assessing & Needs<'records'>,
  supposed: WhatIfRequest = { assume: [] },
): Promise<ExplanationReply> {
  const { facts } = await assess(state);
  const { decision, offer, pins } = await inPieces(concludeIf(facts, supposed, state.offers.compile));
  const at = momentOf(facts, supposed);
  return {
    schema: 'fairlead/explanation@1',
    at,
    assumed: supposed.assume,
    decision,
    recorded: isSupposed(supposed) ? null : await recordedAs(state, decision),
    plan: offer?.plan ?? null,
    moves: offer === null ? [] : movesOf(offer, new Set(facts.means.stored), facts.means),
    pins: pins.map((one) => ({ ...one, by: [...one.by] })),
    interruptionMs: longestInterruption(facts.records),
    ...(offer === null ? {} : costsOf(offer, facts)),
    inProgress: supposed.at === undefined ? state.deployer.inProgress() : null,
    openings: await describeOpenings(effectivePolicy(facts), instantMs(at)),
    // Of another moment nothing is known about the server.
    contact: supposed.at === undefined ? state.offers.contact.last() : null,
  };
}

function costsOf({ plan, target, forecast }: Offer, { current }: Assessment['facts']) {
  return { rollbackMs: rollbackBoundMs(plan, current, target), forecast };
}

function isSupposed({ at, assume }: WhatIfRequest): boolean {
  return at !== undefined || assume.length > 0;
}

/** What the agent acts on is what it wrote down: an answer computed since may be another one. */
async function recordedAs(
  state: Needs<'records'>,
  decision: Decision,
): Promise<ExplanationReply['recorded']> {
  const record = await state.records.decisions.read();
  return record === null ? null : { since: record.since, isSame: isSameDecision(record.decision, decision) };
}

/** What the server is told; the reporter adds number and records. */
export async function observe(state: Assessing): Promise<Omit<Report, 'sequence' | 'records'>> {
  const assessment = await assess(state);
  const { current, facts, decision } = assessment;
  const health = await state.deployer.health();
  return {
    schema: 'fairlead/report@1',
    at: formatInstant(facts.now),
    agentVersion: state.self.agentVersion,
    channel: channelOf(assessment),
    track: effectiveConfig(facts, facts.current).track,
    manifest: current === null ? null : digestOfValue(current.manifest),
    components: (current?.manifest.components ?? []).map((component) => ({
      component: component.component,
      version: component.version,
      tree: component.tree,
      health: healthOf(component, health).health,
    })),
    decision,
    facts: await factsToReport(assessment),
  };
}

/** Hashes every live tree again and remembers what it found. */
export async function verifyLive(
  state: Needs<'clock' | 'deployer' | 'records' | 'trees'>,
): Promise<VerifyReply> {
  const current = await state.deployer.current();
  const components: VerifyReply['components'] = [];
  for (const { component, version, tree } of current?.manifest.components ?? []) {
    const release = current?.releases.get(component);
    const deviations = release === undefined ? [] : await state.trees.verify(release.document);
    components.push({ component, version, tree, deviations: [...deviations] });
  }
  const at = formatInstant(state.clock.now());
  const found = { schema: 'fairlead/verification@1' as const, at, components };
  await state.records.verification.write(found);
  return found;
}

export async function readAdvisories(state: Needs<'deployer' | 'offers' | 'self'>): Promise<AdvisoriesReply> {
  const { generation } = await readCurrent(state.deployer);
  const affectedBy = affectedAmong(generation?.manifest.components ?? []);
  const describe = (advisory: OrderedAdvisory) => ({
    id: advisory.id,
    title: advisory.title,
    severity: advisory.severity,
    cves: advisory.cves,
    published: advisory.published,
    deadline: advisory.order?.deadline ?? null,
    ...termsHere(advisory, state.self.instance.id),
    ...(advisory.details === undefined ? {} : { details: advisory.details }),
    withdrawn: advisory.withdrawn,
    affects: affectedBy(advisory).map(({ component }) => component),
  });
  const { advisories } = state.offers.contact.catalog();
  const described = await inPieces(mapped(advisories, describe, ({ affected }) => affected.length));
  return { schema: 'fairlead/advisories@1', advisories: described };
}

/** Of the release itself: a version is signed once. */
function sbomOf(
  { component, version }: Pick<ManifestComponent, 'component' | 'version'>,
  { catalog }: Assessment['facts'],
) {
  const sbom = catalog.notes?.get(releasePath(refFor(component, version)))?.sbom;
  return sbom === undefined ? {} : { sbom };
}

function channelOf({ facts }: Assessment): Channel {
  return effectivePolicy(facts).channel;
}

function holdOf({ facts }: Assessment): StatusReply['hold'] {
  const { hold } = effectivePolicy(facts);
  if (hold === undefined || instantMs(hold.until) <= facts.now) return null;
  return { until: hold.until, by: hold.by, reason: hold.reason };
}

function describeQuarantined({
  release: _release,
  ...entry
}: Quarantined): StatusReply['quarantine'][number] {
  return entry;
}

function healthOf(
  component: Pick<ManifestComponent, 'component'>,
  all: readonly ComponentHealth[],
): Pick<StatusReply['components'][number], 'health' | 'service'> {
  const found = all.find((each) => each.component === component.component);
  return { health: found?.health ?? 'unknown', service: describeService(found?.status) };
}

function describeService(status: ServiceStatus | undefined): string {
  switch (status?.kind) {
    case 'running':
      return status.pid === null ? 'running' : `running (pid ${status.pid})`;
    case 'exited':
      return `exited: ${status.detail}`;
    case 'absent':
    case undefined:
      return 'absent';
  }
}
