// What an event says to people: one line for each kind, from what was kept of it.
import type { JsonObject, JsonValue } from '../../shared/encoding/json.ts';
import { cutText, sanitizeLine } from '../../shared/encoding/text.ts';
import { count } from '../../shared/errors/entry.ts';
import type { EventKind } from '../../shared/protocol/events.ts';
import { describeRoom } from './disk-room.ts';

type Details = JsonObject;

const TEXTS: Readonly<Record<EventKind, (details: Details, subject: string) => string>> = {
  'deployment.began': (d) =>
    `${stepsOf(d)}: begins (${d.fix === undefined ? text(d.reason) : `fix of ${listOf(d.fix)}`})`,
  'deployment.ended': (d) => `${stepsOf(d)}: ${text(d.state)}${because(d.failure)}`,
  'instance.decided': (d) => `${text(d.verdict)}${because(listOf(d.blockers))}`,
  'order.postponed': (d) =>
    `an order is put off until ${text(d.until)}: ${listOf(d.advisories) || '-'}${because(d.reason)}`,
  'instance.health': (d) =>
    d.unhealthy === 0
      ? 'all that runs is healthy again'
      : `${count(Number(d.unhealthy), 'component')} unhealthy`,
  'instance.silent': (d) => `not heard since ${text(d.since)}`,
  'instance.heard': (d) => `heard again, for the first time since ${text(d.since)}`,
  'enrolment.redeemed': (d) => `enrolled from ${text(d.hostname)}`,
  'instance.isolated': (d) => `isolated${because(d.reason)}`,
  'instance.restored': (d) => `let in again${because(d.reason)}`,
  'instance.retired': (d) => `retired${because(d.reason)}`,
  'instance.moved': (d) => `says that it went to ${text(d.to)}`,
  'identity.twinned': () => 'two agents speak in its name',
  'ledger.forked': (d) => {
    if (d.side === 'server')
      return `was shown another entry ${Number(d.kept)} of this server's log than the one that is there now`;
    const why = d.restored === true ? 'its state came out of a backup' : 'its log is another than it was';
    return `${why}: it named entry ${Number(d.kept)} as its last at ${text(d.keptAt)}, and now names entry ${Number(d.said)}`;
  },
  'proposal.created': (d, subject) =>
    `proposed${subject.startsWith('group ') ? ` to ${subject}` : ''}: ${text(d.asks)}${because(d.reason)}`,
  'proposal.changed': (d) => `proposed instead: ${text(d.asks)}${because(d.reason)}`,
  'proposal.withdrawn': () => 'a proposal was withdrawn',
  'proposal.answered': (d) => `a proposal was ${text(d.answer)}${because(d.text)}`,
  'patch.enforced': (d, subject) => `${subject}: proposed to ${count(Number(d.proposed), 'install')}`,
  'publication.accepted': (d) =>
    `published${because([listOf(d.documents), listOf(d.changes)].filter(Boolean).join('; '))}`,
  'rollout.halted': (d) =>
    `${text(d.release)}: halted${d.class === null ? '' : ` for ${text(d.class)}`} until ${text(d.expires)}${because(d.reason)}`,
  'rollout.resumed': (d) => `${text(d.release)}: goes on; somebody lifted the server's halt`,
  'backup.failed': (d, subject) => `no backup reaches ${subject}${because(d.problem)}`,
  'drill.failed': (d, subject) => `what is at ${subject} could not be restored${because(d.problem)}`,
  'disk.fills': (d) => describeRoom({ disk: text(d.disk), free: Number(d.free), size: Number(d.size) }),
  'expiry.near': (d) =>
    Number(d.days) < 0
      ? `${text(d.kind)} ${text(d.name)} has expired`
      : `${text(d.kind)} ${text(d.name)} expires within ${count(Number(d.days) + 1, 'day')}`,
  'job.failing': (d) => `${text(d.job)} failed ${count(Number(d.attempts), 'time')}${because(d.problem)}`,
  'webhook.disabled': (d) => `${text(d.name)} is disabled${because(d.why)}`,
};

export const LONGEST_TEXT = 500;

/** Rows of kinds that were told by an earlier server stay readable: they say their kind. */
export function describeEvent(kind: string, subject: string, details: Details): string {
  const tell = Object.hasOwn(TEXTS, kind) ? TEXTS[kind as EventKind] : undefined;
  return sanitizeLine(tell?.(details, subject) ?? kind, LONGEST_TEXT);
}

const MOST_ITEMS = 20;
const LONGEST_VALUE = 300;

/** What is kept of details that may hold whatever an agent said: so many items, so long texts, two levels. */
export function boundDetails(details: Details): Details {
  const bound = (value: JsonValue, depth: number): JsonValue => {
    if (typeof value === 'string') return sanitizeLine(cutText(value, LONGEST_VALUE), LONGEST_VALUE);
    if (typeof value !== 'object' || value === null) return value;
    if (depth === 0) return null;
    if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((one) => bound(one, depth - 1));
    const entries = Object.entries(value).slice(0, MOST_ITEMS);
    return Object.fromEntries(entries.map(([key, one]) => [key, bound(one, depth - 1)]));
  };
  return bound(details, 3) as Details;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' && value !== '' ? value : '-';
}

function because(value: JsonValue | undefined): string {
  return typeof value === 'string' && value !== '' ? `: ${value}` : '';
}

function listOf(value: JsonValue | undefined): string {
  return Array.isArray(value) ? value.map(String).join(', ') : '';
}

function stepsOf({ steps }: Details): string {
  return listOf(steps) || 'nothing';
}
