// What anybody can send or keep here, and what happens beyond: the documentation shows this table, and a test tries each row.
import { durationMs } from '../../shared/encoding/instant.ts';
import { MOST_INSTANCES } from '../../shared/protocol/customers.ts';
import { TOKEN_LIFETIME } from '../../shared/protocol/fleet.ts';
import { MOST_MEMBERS } from '../../shared/protocol/fleet-proposals.ts';
import { MOST_ANSWERS } from '../../shared/protocol/proposal.ts';
import { AGENT_TOKEN, MOST_RECORDS } from '../../shared/protocol/report.ts';
import { LONGEST_MS, MOST_OPEN } from '../../shared/schema/proposal.ts';
import { MAX_SBOM_BYTES } from '../../shared/schema/sbom.ts';
import { LONGEST_SIGN_IN_MS } from '../core/identity.ts';
import { QUOTAS } from '../core/quota.ts';
import { SIGN_IN_MS } from '../core/sign-in-state.ts';
import { KEPT_ALERTS } from '../db/alerts.ts';
import { KEPT_DELIVERIES, MOST_WAITING } from '../db/deliveries.ts';
import { MOST_ENFORCED } from '../db/enforcement.ts';
import { VALID_FOR_MS } from '../db/enrolments.ts';
import { KEPT_EVENTS, KEPT_EVENTS_MS, KEPT_EVENTS_OF_ONE } from '../db/events.ts';
import { MAX_WAITING, MAX_WAITING_BYTES } from '../db/group-commit.ts';
import { HEADS_OF_A_DAY, KEPT_HEAD_DAYS, TOLD_RESTORES, WHOLE_HEAD_DAYS } from '../db/ledger-kept.ts';
import { KEPT_MS } from '../db/once.ts';
import { MAX_PART_BYTES } from '../db/page.ts';
import { CLOSED_KEPT } from '../db/proposals.ts';
import { KEPT_RECORD_BYTES, KEPT_RECORDS, MAX_REPORT_BYTES } from '../db/records.ts';
import { KEPT_REPORT_BYTES, KEPT_REPORTS, UNLOOKED_REPORTS } from '../db/report-rows.ts';
import { MOST_KEPT } from '../db/room.ts';
import { IDLE_MS, MAX_SESSIONS } from '../db/sessions.ts';
import { KEPT_SPANS, KEPT_SPANS_MS } from '../db/span-row.ts';
import { MAX_UPLOAD_BYTES } from '../repository/pack-upload.ts';
import { MAX_PUBLICATION_BYTES } from '../repository/publisher.ts';
import { LONGEST_CREDENTIAL } from './access.ts';
import { FAILURES_PER_MINUTE } from './app.ts';
import { BYTES_PER_NODE, MAX_DEPTH } from './bodies.ts';
import { CONNECTION, type Limit, limit } from './connection-limits.ts';
import { DEFAULT_BODY_BYTES } from './mount.ts';
import { LONGEST_CURSOR, MOST_ENTRIES } from './page.ts';
import { LONGEST_KEY } from './preconditions.ts';
import { MEMBERS_BYTES } from './route.ts';
import { MOST_ADVISORIES } from './routes/compliance.ts';
import { REDEMPTIONS_PER_MINUTE } from './routes/enrolments.ts';
import { STEPS_PER_MINUTE } from './routes/sign-in.ts';

const { agent, report, heartbeat, person } = QUOTAS;

const REQUEST = {
  body: limit('a body where nothing else is said', DEFAULT_BODY_BYTES, 'bytes', 'request/too-large'),
  report: limit('a report', MAX_REPORT_BYTES, 'bytes', 'request/too-large'),
  publication: limit('a publication', MAX_PUBLICATION_BYTES, 'bytes', 'request/too-large'),
  pack: limit('a pack; a patch 60 % of its', MAX_UPLOAD_BYTES, 'bytes', 'request/too-large'),
  sbom: limit('a bill of materials', MAX_SBOM_BYTES, 'bytes', 'request/too-large'),
  membersBytes: limit('a body that lists instances', MEMBERS_BYTES, 'bytes', 'request/too-large'),
  depth: limit('levels of a JSON body', MAX_DEPTH, 'count', 'json/too-large'),
  commas: limit(
    'commas of a JSON body',
    DEFAULT_BODY_BYTES / BYTES_PER_NODE,
    'count',
    'json/too-large',
    `one for ${BYTES_PER_NODE} bytes of what the route takes`,
  ),
  credential: limit('a credential', LONGEST_CREDENTIAL, 'characters', 'auth/missing'),
  key: limit('an Idempotency-Key', LONGEST_KEY, 'characters', 'request/invalid'),
  cursor: limit('a cursor', LONGEST_CURSOR, 'characters', 'document/invalid'),
  entries: limit('entries asked of a list', MOST_ENTRIES, 'count', 'document/invalid'),
  answer: limit('a list’s answer', MAX_PART_BYTES, 'bytes', 'continued', 'one larger entry goes alone'),
  records: limit('deployments in a report', MOST_RECORDS, 'count', 'document/invalid'),
  answers: limit('answers to proposals at once', MOST_ANSWERS, 'count', 'document/invalid'),
  members: limit('instances of a group', MOST_MEMBERS, 'count', 'document/invalid'),
  owned: limit('instances of a customer in one request', MOST_INSTANCES, 'count', 'document/invalid'),
  advisories: limit('advisories in a report of compliance', MOST_ADVISORIES, 'count', 'request/invalid'),
  enforced: limit('proposals of one request to enforce', MOST_ENFORCED, 'count', 'more'),
};

/** Who asks for more is told when to come again. */
const often = (of: string, bound: number, unit: Limit['unit']) =>
  limit(of, bound, unit, 'request/rate-limited');

const OFTEN = {
  failures: limit(
    'failures of an address',
    FAILURES_PER_MINUTE,
    'a minute',
    'request/rate-limited',
    'credentials that do not count, addresses that lead nowhere',
  ),
  redemptions: limit('enrolments of an address', REDEMPTIONS_PER_MINUTE, 'a minute', 'request/rate-limited'),
  signIns: limit(
    'each step of a sign-in, of an address',
    STEPS_PER_MINUTE,
    'a minute',
    'request/rate-limited',
  ),
  agentRequests: often('requests of an agent at once', agent.requests.burst, 'count'),
  agentRate: often('… and from then on', agent.requests.perSecond, 'a second'),
  agentBytes: often('bodies of an agent at once', agent.bytes.burst, 'bytes'),
  agentBytesRate: often('bytes from then on', agent.bytes.perSecond, 'a second'),
  reportsOften: often('reports of an instance at once', report.requests.burst, 'count'),
  reportsRate: often('… and from then on', report.requests.perSecond * 60, 'a minute'),
  heartbeats: often('heartbeats of an instance at once', heartbeat.requests.burst, 'count'),
  heartbeatsRate: often('… and from then on', heartbeat.requests.perSecond * 60, 'a minute'),
  personRequests: often('requests of a token or person at once', person.requests.burst, 'count'),
  personRate: often('… and from then on', person.requests.perSecond, 'a second'),
  personBytes: limit(
    'bodies of a token or person at once',
    person.bytes.burst,
    'bytes',
    'request/rate-limited',
    'without packs and publications',
  ),
  personBytesRate: often('bytes from then on', person.bytes.perSecond, 'a second'),
};

const AGENT_TOKEN_MS = AGENT_TOKEN.lifetimeSeconds * 1_000;

const KEPT = {
  reports: limit(
    'reports of an instance',
    KEPT_REPORTS,
    'count',
    'forgotten',
    `the oldest, once ${UNLOOKED_REPORTS - 1} more have come at the latest`,
  ),
  reportBytes: limit('… and their bytes', KEPT_REPORT_BYTES, 'bytes', 'forgotten', 'the newest stays'),
  deployments: limit('deployments of an instance', KEPT_RECORDS, 'count', 'forgotten'),
  deploymentBytes: limit('… and their bytes', KEPT_RECORD_BYTES, 'bytes', 'forgotten', 'the newest stays'),
  heads: limit('days of heads of an instance’s audit log', KEPT_HEAD_DAYS, 'count', 'forgotten'),
  headsOfDay: limit('… of one day', HEADS_OF_A_DAY, 'count', 'forgotten', 'the last and those before stay'),
  wholeDays: limit('days of which all stay, not the first and last', WHOLE_HEAD_DAYS, 'count', 'forgotten'),
  restores: limit('restores that a receipt names', TOLD_RESTORES, 'count', 'forgotten'),
  spans: limit(
    'spans of what an instance said',
    KEPT_SPANS,
    'count',
    'forgotten',
    'those that stand are not counted',
  ),
  spanLife: limit('… and their age', KEPT_SPANS_MS, 'milliseconds', 'forgotten'),
  events: limit('events', KEPT_EVENTS, 'count', 'forgotten'),
  eventsOfOne: limit('… of one instance', KEPT_EVENTS_OF_ONE, 'count', 'forgotten'),
  eventLife: limit('… and their age', KEPT_EVENTS_MS, 'milliseconds', 'forgotten', 'the newest stays'),
  waiting: limit('reports that wait to be written', MAX_WAITING, 'count', 'server/busy'),
  waitingBytes: limit('… and their bytes', MAX_WAITING_BYTES, 'bytes', 'server/busy'),
  proposals: limit('proposals that wait at an instance', MOST_OPEN, 'count', 'proposal/too-many'),
  answered: limit('answered proposals of an instance', CLOSED_KEPT, 'count', 'forgotten'),
  proposalLife: limit('life of a proposal', LONGEST_MS, 'milliseconds', 'request/invalid'),
  tokens: limit('tokens in force', MOST_KEPT.tokens, 'count', 'request/no-room'),
  tokenLife: limit('life of a token', durationMs(TOKEN_LIFETIME), 'milliseconds', 'document/invalid'),
  agentToken: limit('life of an agent’s JWT', AGENT_TOKEN_MS, 'milliseconds', 'auth/refused'),
  codes: limit('enrolment codes not redeemed', MOST_KEPT.codes, 'count', 'request/no-room'),
  codeLife: limit('life of an enrolment code', VALID_FOR_MS, 'milliseconds', 'enrolment/code-refused'),
  sessions: limit('browsers in which a person is signed in', MAX_SESSIONS, 'count', 'forgotten'),
  sessionIdle: limit('time without use of one', IDLE_MS, 'milliseconds', 'ended'),
  signInTime: limit('time at the identity provider', SIGN_IN_MS, 'milliseconds', 'auth/sign-in-refused'),
  sessionLife: limit('life of a sign-in', LONGEST_SIGN_IN_MS, 'milliseconds', 'document/invalid'),
  customers: limit('customers', MOST_KEPT.customers, 'count', 'request/no-room'),
  groups: limit('groups', MOST_KEPT.groups, 'count', 'request/no-room'),
  policies: limit('templates of policies', MOST_KEPT.policies, 'count', 'request/no-room'),
  webhooks: limit('webhooks', MOST_KEPT.webhooks, 'count', 'request/no-room'),
  messages: limit('messages that wait for a webhook', MOST_WAITING, 'count', 'forgotten', 'and counted'),
  delivered: limit('… and of those that are over', KEPT_DELIVERIES, 'count', 'forgotten'),
  alerts: limit('alerts', KEPT_ALERTS, 'count', 'forgotten'),
  keyLife: limit('life of an Idempotency-Key', KEPT_MS, 'milliseconds', 'ended'),
};

/** By what they bound. */
export const LIMITS = {
  'A connection': CONNECTION,
  'A request and its answer': REQUEST,
  'How often, of each process': OFTEN,
  'What is kept': KEPT,
} as const;

type Named = typeof CONNECTION & typeof REQUEST & typeof OFTEN & typeof KEPT;
export type LimitName = keyof Named;

export const LIMITS_BY_NAME: Readonly<Record<LimitName, Limit>> = {
  ...CONNECTION,
  ...REQUEST,
  ...OFTEN,
  ...KEPT,
};
