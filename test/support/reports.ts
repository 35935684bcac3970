// Reports as agents send them, with what a test wants to say about itself.
import type { Report } from '../../shared/protocol/report.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentRecord, DeploymentState } from '../../shared/schema/deployment.ts';
import { parseVersion } from '../../shared/version/version.ts';
import { digestOfText } from './publications.ts';

const AUTH = 'core/auth' as ComponentKey;

export function reportOf(sequence: number, overrides: Partial<Report> = {}): Report {
  return {
    schema: 'fairlead/report@1',
    sequence,
    at: '2026-11-20T12:00:00Z',
    agentVersion: '0.1.0',
    channel: 'auto',
    track: 'stable',
    manifest: digestOfText('manifest'),
    components: [
      { component: AUTH, version: parseVersion('1.0.0'), tree: digestOfText('tree'), health: 'healthy' },
    ],
    decision: null,
    records: [],
    ...overrides,
  };
}

export function recordOf(
  id: number,
  state: DeploymentState,
  change: string | null = 'CHG-1',
  overrides: Partial<DeploymentRecord> = {},
): DeploymentRecord {
  return {
    schema: 'fairlead/record@1',
    id,
    generation: id,
    previousGeneration: null,
    reason: { kind: 'channel' },
    plan: digestOfText('plan'),
    from: null,
    to: digestOfText('manifest'),
    steps: [{ component: AUTH, from: null, to: parseVersion('1.0.0'), change }],
    state,
    stages: [
      { state: 'planned', at: `2026-11-20T12:00:0${id}Z` },
      { state, at: '2026-11-20T12:01:00Z' },
    ],
    failure: null,
    actor: 'agent',
    ...overrides,
  };
}
