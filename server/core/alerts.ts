// Which events somebody should hear of: one table, from an event to the alert's kind, its severity and what it is about.
import type { JsonObject, JsonValue } from '../../shared/encoding/json.ts';
import type { AlertKind, Severity } from '../../shared/protocol/alerts.ts';
import type { EventKind, FleetEvent } from '../../shared/protocol/events.ts';
import { aboutRoom } from './disk-room.ts';

/** One event's part of an alert: those of one kind about one thing are counted together. */
export interface Alarm {
  readonly kind: AlertKind;
  readonly severity: Severity;
  readonly about: string;
}

/** What a publication brings that the event names by its path alone. */
export interface Published {
  readonly id: string;
  readonly severity: string;
  readonly title: string;
}

/** `core/auth@1.0.1`, by the hexadecimal SHA-256 of the release; undefined for one that is not published. */
export type FindRelease = (sha256: string) => string | undefined;

type Details = JsonObject;
type Rule = (details: Details, event: FleetEvent, find: FindRelease) => Alarm | null;

export const POSTPONED = 'emergency-hold';
/** What only somebody there can have done against what the policy and the vendor say. */
export const VIOLATIONS = [POSTPONED, 'generation-damaged', 'policy-unreadable', 'config-invalid'];

const RULES: Partial<Record<EventKind, Rule>> = {
  'deployment.ended': (d) => {
    const about = listOf(d.steps) || 'nothing';
    if (d.state === 'inconsistent') return { kind: 'deployment-failed', severity: 'critical', about };
    if (d.state === 'abandoned') return { kind: 'deployment-failed', severity: 'warning', about };
    const isBack = d.state === 'rolled-back' || d.reason === 'rollback';
    return isBack ? { kind: 'rollback', severity: 'warning', about } : null;
  },
  'instance.decided': (d) => {
    const blockers = Array.isArray(d.blockers) ? d.blockers.map(String) : [];
    // That an order is put off is told by an event of its own, which says until when and why.
    const against = blockers.find((one) =>
      VIOLATIONS.some((code) => code !== POSTPONED && one.startsWith(`${code} `)),
    );
    if (against !== undefined) return { kind: 'policy-violation', severity: 'critical', about: against };
    if (d.verdict !== 'blocked') return null;
    return { kind: 'install-blocked', severity: 'warning', about: blockers.join(', ') || 'no reason given' };
  },
  'order.postponed': (d) => ({
    ...{ kind: 'order-postponed', severity: 'critical', about: listOf(d.advisories) || 'an order' },
  }),
  'instance.health': (d) =>
    d.unhealthy === 0 ? null : { kind: 'install-unhealthy', severity: 'warning', about: 'health' },
  'instance.silent': () => ({ kind: 'install-silent', severity: 'warning', about: 'silence' }),
  'identity.twinned': (_, { instance }) => ({
    ...{ kind: 'identity-twinned', severity: 'critical', about: instance?.id ?? '-' },
  }),
  'ledger.forked': (d, { instance }) => {
    const kind = 'ledger-forked';
    const id = instance?.id ?? '-';
    // It is the word of one install, behind which no other's may hide.
    if (d.side === 'server') return { kind, severity: 'critical', about: `the log of this server, by ${id}` };
    return { kind, severity: d.restored === true ? 'warning' : 'critical', about: id };
  },
  'publication.accepted': (d, { actor }, find) => {
    const halt = pathsOf(d).find((path) => path.startsWith('halts/'));
    // Of its own halts the server tells with `rollout.halted`.
    if (halt === undefined || actor === 'server') return null;
    const name = nameOf(halt);
    return { kind: 'rollout-halted', severity: 'critical', about: find(name.replace('.scope', '')) ?? name };
  },
  'rollout.halted': (d) => ({ kind: 'rollout-halted', severity: 'critical', about: String(d.release) }),
  'backup.failed': () => ({ kind: 'backup-failed', severity: 'critical', about: 'backup' }),
  'drill.failed': () => ({ kind: 'backup-failed', severity: 'critical', about: 'drill' }),
  'disk.fills': (d) => {
    const level = d.level === 'critical' ? 'critical' : 'low';
    const severity = level === 'critical' ? 'critical' : 'warning';
    return { kind: 'disk-fills', severity, about: aboutRoom(String(d.disk), level) };
  },
  'expiry.near': (d) => ({
    ...{ kind: 'expiry', severity: Number(d.days) < 3 ? 'critical' : 'warning' },
    about: `${d.kind} ${d.name}`,
  }),
  'job.failing': (d) => ({ kind: 'job-failing', severity: 'warning', about: String(d.job) }),
  'webhook.disabled': (d) => ({ kind: 'webhook-disabled', severity: 'warning', about: String(d.name) }),
};

/** Null for what nobody need hear of. */
export function alarmOf(event: FleetEvent, find: FindRelease): Alarm | null {
  return RULES[event.kind as EventKind]?.(event.details, event, find) ?? null;
}

const ADVISORY_SEVERITIES: Readonly<Record<string, Severity>> = { critical: 'critical', high: 'warning' };

/** The advisories that a publication brought, by their ids. */
export function advisoriesIn(event: FleetEvent): readonly string[] {
  if (event.kind !== 'publication.accepted') return [];
  return pathsOf(event.details).flatMap((path) => (path.startsWith('advisories/') ? [nameOf(path)] : []));
}

/** Those that are grave. */
export function alarmOfAdvisory({ id, severity }: Published): Alarm | null {
  const said = ADVISORY_SEVERITIES[severity];
  return said === undefined ? null : { kind: 'critical-advisory', severity: said, about: id };
}

function pathsOf({ documents }: Details): readonly string[] {
  return Array.isArray(documents) ? documents.map(String) : [];
}

function nameOf(path: string): string {
  return path.slice(path.indexOf('/') + 1).replace(/\.json$/, '');
}

function listOf(value: JsonValue | undefined): string {
  return Array.isArray(value) ? value.map(String).join(', ') : '';
}
