// Assessing the instance: every fact the decision needs, read now, and the decision made from them.
import type { Compile } from '../../../shared/compile/cache.ts';
import type { Catalog } from '../../../shared/compile/catalog.ts';
import type { ApplyCommand } from '../../../shared/policy/decide-input.ts';
import { type ConfigState, unreadableConfig } from '../../../shared/policy/local-state.ts';
import { type ApprovalsFile, NO_APPROVALS, selectOpen } from '../../core/approvals.ts';
import { type Conclusion, conclude, type Facts } from '../../core/conclude.ts';
import { selectInconsistent } from '../../core/deploy/inconsistent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deployer, Generation } from '../../ports/deployer.ts';
import type { JsonStore } from '../../ports/json-store.ts';
import type { Repository } from '../../ports/repository.ts';
import type { Settings } from '../../ports/settings.ts';

export interface AssessPorts {
  readonly instance: { readonly id: string };
  readonly clock: Clock;
  readonly settings: Settings;
  readonly deployer: Deployer;
  readonly repository: Repository;
  readonly approvals: JsonStore<ApprovalsFile>;
  readonly compile: Compile;
}

export interface Assessment extends Conclusion {
  readonly facts: Facts;
  readonly current: Generation | null;
}

export interface AssessOptions {
  readonly command?: ApplyCommand;
  /** A deployment that asks whether it may still go on does not count itself as one under way. */
  readonly within?: boolean;
}

/** Needs no network: the catalog is what the repository last verified. */
export async function assess(
  ports: AssessPorts,
  catalog: Catalog,
  options: AssessOptions = {},
): Promise<Assessment> {
  const { deployer, settings } = ports;
  const now = ports.clock.now();
  const [policy, config, current, quarantine, quarantineDamage, records, approvals] = await Promise.all([
    settings.policy(),
    readConfig(settings),
    deployer.current(),
    deployer.quarantine(),
    deployer.quarantineDamage(),
    deployer.records(),
    ports.approvals.read(),
  ]);
  const facts: Facts = {
    instance: ports.instance.id,
    now,
    policy,
    config,
    current,
    quarantine,
    approvals: selectOpen(approvals ?? NO_APPROVALS, records, now),
    catalog,
    freshness: ports.repository.freshness(now),
    host: {
      deploymentInProgress: options.within !== true && deployer.inProgress() !== null,
      inconsistent: selectInconsistent(records) !== null,
      quarantineDamage,
    },
    // The deployment that asks is no failed attempt.
    records: options.within === true ? records.slice(0, -1) : records,
  };
  return { ...conclude(facts, options.command ?? null, ports.compile), facts, current };
}

async function readConfig(settings: Settings): Promise<ConfigState> {
  return await settings.config().then((config) => ({ kind: 'readable', config }), unreadableConfig);
}
