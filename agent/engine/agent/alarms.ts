// What needs a person here: every fact that may be an alarm, gathered.

import type { StatusReply, VerifyReply } from '../../../shared/protocol/admin.ts';
import { releasePath } from '../../../shared/schema/release-ref.ts';
import { raiseAlarms } from '../../core/alarms.ts';
import { selectInconsistent } from '../../core/deploy/records.ts';
import type { Assessment } from './assess.ts';
import type { Needs } from './state.ts';

export async function alarmsOf(
  state: Needs<'deployer' | 'offers' | 'records'>,
  assessment: Assessment,
): Promise<string[]> {
  const { facts, decision, emergency, pins, current } = assessment;
  const records = await state.deployer.records();
  const isLive = ({ component, tree }: VerifyReply['components'][number]) =>
    current?.manifest.components.some((one) => one.component === component && one.tree === tree) === true;
  return raiseAlarms({
    now: facts.now,
    policy: facts.policy,
    config: facts.config,
    freshness: facts.freshness.state,
    contact: state.offers.contact.last(),
    askingMs: state.offers.contact.askingMs(),
    unfixable: emergency.unfixable,
    pins,
    inconsistent: selectInconsistent(records),
    files: (await state.records.verification.read())?.components.filter(isLive) ?? [],
    degraded: state.deployer.degradations(),
    notBegun: decision.verdict === 'apply' ? state.offers.own.problem() : null,
    auditProblem: state.records.ledger.problem(),
    forks: await state.records.witness.forks(),
    // Not among what a new agent has to read as well: the one before it may not have counted them.
    damages: [...(await state.records.damages()), ...(await state.deployer.generationDamages())],
    server: state.records.reporter.word(),
    support: supportOf(assessment).support ?? null,
  });
}

/** Until when the platform that runs is mended, where its vendor said so. */
export function supportOf({ current, facts }: Assessment): Pick<StatusReply, 'support'> {
  const platform = current?.manifest.platform?.version;
  if (platform === undefined) return {};
  const until = facts.catalog.notes?.get(releasePath({ kind: 'platform', version: platform }))?.supportUntil;
  return until === undefined ? {} : { support: { platform, until } };
}
