// The facts of one moment from a scenario, as the agent would have gathered them.
import type { Facts } from '../../agent/core/conclude.ts';
import { compileInputOf, policyOf, quarantineOf, type Scenario } from './scenario.ts';

export function factsOf(scenario: Scenario): Facts {
  const { instance, now, config, catalog, pins, current } = compileInputOf(scenario);
  const rules = scenario.policy === 'unreadable' ? {} : (scenario.policy ?? {});
  return {
    instance,
    now,
    policy: { kind: 'readable', policy: { ...policyOf(rules), pins: [...pins] } },
    config: { kind: 'readable', config },
    current,
    quarantine: quarantineOf(scenario),
    approvals: [],
    catalog,
    freshness: { state: 'fresh', expires: null },
    host: { deploymentInProgress: false, inconsistent: false },
    records: [],
    means: { stored: new Set(), weights: new Map(), soakMs: 0, isBegun: false },
  };
}
