// Answers of an agent as the terminal is given them: each one plain, for a test to change the part it is about.
import { digestOfValue } from '../../shared/encoding/digest.ts';
import type { Style } from '../../shared/present/table.ts';
import {
  type ExplanationReply,
  explanationReply,
  type StatusReply,
  statusReply,
} from '../../shared/protocol/admin.ts';
import type { Blocker, Decision } from '../../shared/schema/decision.ts';
import { type Plan, plan } from '../../shared/schema/deployment.ts';

/** Says what a colour would. */
export const MARKED: Style = {
  bold: (text) => text,
  dim: (text) => text,
  good: (text) => `good<${text}>`,
  warn: (text) => `warn<${text}>`,
  bad: (text) => `bad<${text}>`,
};

export const PLAN = digestOfValue('plan');
export const CURRENT: Decision = { verdict: 'current', target: null, blockers: [], exposed: [] };
export const OFFERED: Decision['target'] = {
  kind: 'desired',
  manifest: digestOfValue('manifest'),
  plan: PLAN,
};
export const EXPOSURE: Decision['exposed'][number] = {
  advisory: 'FL-2026-0003',
  severity: 'critical',
  component: 'core/auth',
  version: '1.0.0',
};

export function blocker(changes: Partial<Blocker> = {}): Blocker {
  return { code: 'hold', message: 'held by ada', source: 'policy.hold', owner: 'admin', ...changes };
}

export function statusOf(changes: object = {}): StatusReply {
  return statusReply.parse({
    schema: 'fairlead/status@1',
    at: '2026-03-01T10:05:00Z',
    agentVersion: '0.1.0',
    instance: { id: 'i', name: 'first-customer', server: 'https://vendor.example' },
    channel: 'auto',
    track: 'stable',
    generation: 3,
    manifest: null,
    components: [],
    decision: CURRENT,
    freshness: { state: 'fresh', expires: '2026-03-02T10:00:00Z' },
    contact: null,
    hold: null,
    inProgress: null,
    quarantine: [],
    unsentReports: 0,
    alarms: [],
    ...changes,
  });
}

export function explanationOf(changes: object = {}): ExplanationReply {
  return explanationReply.parse({
    schema: 'fairlead/explanation@1',
    at: '2026-03-01T10:05:00Z',
    assumed: [],
    decision: CURRENT,
    plan: null,
    moves: [],
    pins: [],
    interruptionMs: null,
    inProgress: null,
    openings: [],
    contact: null,
    ...changes,
  });
}

export const PLANNED: Plan = plan.parse({
  schema: 'fairlead/plan@1',
  from: null,
  to: digestOfValue('manifest'),
  reason: { kind: 'channel' },
  steps: [
    { action: 'update', component: 'core/auth', from: '1.0.0', to: '1.0.1', bytes: 7, reversible: 'yes' },
  ],
  stop: ['core/auth'],
  start: ['core/auth'],
  reversible: 'yes',
});

export const MOVE = {
  action: 'update',
  component: 'core/auth',
  from: '1.0.0',
  to: '1.0.1',
  origin: 'latest',
  bytes: 9_124_001,
  reversible: 'yes',
};
