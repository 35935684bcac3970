// What the commands of `fairlead-vendor` answer with `--json`, each by the name of its command.
import { z } from 'zod';
import { changeRecord, fleetCounts, STAGES } from '../../../shared/change/change.ts';
import { heldShape } from '../../../shared/present/ledger.ts';
import { alertsList } from '../../../shared/protocol/alerts.ts';
import { deploymentAnalytics, fleetAnalytics } from '../../../shared/protocol/analytics.ts';
import { customerModel, customersList } from '../../../shared/protocol/customers.ts';
import { fleetEvent } from '../../../shared/protocol/events.ts';
import {
  fleetDeployment,
  instanceReply,
  instancesReply,
  tokenReply,
  tokensReply,
} from '../../../shared/protocol/fleet.ts';
import {
  groupModel,
  groupsList,
  proposalModel,
  proposalsMade,
} from '../../../shared/protocol/fleet-proposals.ts';
import { fleetSummary } from '../../../shared/protocol/fleet-summary.ts';
import { packageDifference } from '../../../shared/protocol/packages.ts';
import { enrolmentsReply } from '../../../shared/protocol/publication.ts';
import { headsReply } from '../../../shared/protocol/receipt.ts';
import { rolloutReply } from '../../../shared/protocol/rollouts.ts';
import { webhookModel, webhookTested } from '../../../shared/protocol/webhooks.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import { advisoryDetails } from '../../../shared/schema/advisory-details.ts';
import { classes } from '../../../shared/schema/classes.ts';
import { digest, instant, line } from '../../../shared/schema/common.ts';
import { listedMirror } from '../../../shared/schema/mirrors.ts';
import { orderTerms } from '../../../shared/schema/order-terms.ts';
import { halt, rollout } from '../../../shared/schema/rollout.ts';
import { reported } from '../core/compliance-summary.ts';
import { OFFLINE_ROLES, ONLINE_ROLES } from '../core/roles.ts';
import { auditEntry } from '../workspace/audit.ts';
import { AGREEMENTS } from './install-ledgers.ts';

const count = z.int().min(0);
const quorum = { valid: count, needed: count };
const role = z.enum(OFFLINE_ROLES);
const changeId = changeRecord.shape.id;
/** `core/auth@1.0.1` */
const release = z.string();

const signing = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('unchanged') }),
  z.strictObject({ kind: z.literal('signed'), role, version: count }),
  z.strictObject({ kind: z.literal('pending'), role, version: count, ...quorum }),
]);

/** How every command that signs ends. */
const conclusion = {
  signed: z.array(signing),
  /** Those that have passed a stage by it. */
  changes: z.array(z.strictObject({ id: changeId, stage: z.string() })),
  /** Null when nothing was sent: `--no-publish`, or signatures are missing. */
  published: z.strictObject({ packs: count, metadata: count, targets: count, changes: count }).nullable(),
};

const change = { change: changeRecord };
const ofRelease = { release, ...conclusion };
const published = {
  advisory,
  terms: orderTerms.optional(),
  details: advisoryDetails.optional(),
  ...conclusion,
};

/** What a built release is made of, and what is new in it. */
const sbomNews = z.strictObject({
  change: changeId,
  components: count,
  since: z.strictObject({ release, ...packageDifference }).nullable(),
});
/** Of each deployment of an install whose log was given. */
const agreement = z.array(z.strictObject({ instance: z.string(), record: count, said: z.enum(AGREEMENTS) }));

const trace = {
  ...change,
  acts: z.array(auditEntry),
  /** Null before the server has seen the change. */
  counts: fleetCounts.nullable(),
  deployments: z.array(fleetDeployment).nullable(),
  agreement: agreement.optional(),
};

const oneInstance = instancesReply.shape.instances.element;

const statements = {
  change: changeId,
  file: z.string(),
  subjects: z.array(z.strictObject({ name: z.string(), sha256: z.string() })),
  statements: z.array(
    z.strictObject({ stage: z.string(), at: instant, keyid: z.string(), predicateType: z.string() }),
  ),
};

const traceInstance = {
  instance: oneInstance,
  deployments: z.array(fleetDeployment),
  ...headsReply.shape,
  agreement: agreement.optional(),
};

const workspaceStatus = {
  server: z.string(),
  roles: z.array(
    z.strictObject({
      role,
      version: count,
      expires: instant,
      pending: count.nullable(),
      signatures: z.strictObject(quorum),
      note: z.string(),
    }),
  ),
  changes: z.array(z.strictObject({ id: changeId, release, due: z.enum(STAGES).nullable() })),
  releases: z.array(z.strictObject({ path: z.string(), digest, change: changeId })),
  advisories: z.array(advisory.shape.id),
  audited: count,
};

/** Its text stands in the file and nowhere else. */
const newToken = { token: tokenReply.omit({ token: true }), file: z.string() };

const SHAPES: Readonly<Record<string, z.ZodRawShape>> = {
  init: {
    server: z.string(),
    keys: z.array(z.strictObject({ role, keyid: z.string() })),
    ...conclusion,
  },
  'change open': change,
  'change list': { changes: z.array(changeRecord) },
  'change show': change,
  'change abandon': change,
  'change complete': { ...conclusion, ...change },
  lint: { source: z.string(), kind: z.enum(['capability', 'suite', 'platform']), issues: z.array(z.never()) },
  build: change,
  verify: { ...change, changes: z.array(changeRecord), sboms: z.array(sbomNews) },
  release: { ...conclusion, ...change, records: z.array(changeRecord) },
  ...{ 'statements export': statements, 'statements verify': statements },
  support: { ...ofRelease, until: instant },
  'retention show': {
    years: count,
    releases: z.array(z.strictObject({ release, until: instant.nullable() })),
  },
  'retention set': { years: count, ...conclusion },
  retire: { releases: z.array(release), ...conclusion },
  ...{ 'rollout start': ofRelease, 'rollout pause': ofRelease, 'rollout resume': ofRelease },
  ...{ 'rollout halt': ofRelease, 'rollout guard': ofRelease },
  'rollout status': {
    change: changeId,
    release,
    rollouts: z.array(rollout),
    halt: halt.safeExtend({ classes: classes.optional() }).nullable(),
    counts: fleetCounts,
    /** By each track and order, as the server tells; none of a server of an earlier version. */
    fleet: z.array(rolloutReply),
  },
  promote: ofRelease,
  withdraw: ofRelease,
  trace,
  'trace instance': traceInstance,
  proposals: { proposals: z.array(proposalModel) },
  'proposals withdraw': { id: z.string() },
  ...Object.fromEntries(
    ['deploy', 'pin', 'unpin', 'rollback', 'policy'].map((kind) => [`propose ${kind}`, proposalsMade.shape]),
  ),
  fleet: {
    summary: fleetSummary,
    exposed: z.array(z.strictObject({ advisory: z.string(), severity: z.string(), components: count })),
  },
  'analytics deployments': deploymentAnalytics.shape,
  'analytics fleet': fleetAnalytics.shape,
  events: { events: z.array(fleetEvent), more: z.boolean() },
  alerts: alertsList.shape,
  webhooks: { webhooks: z.array(webhookModel), more: z.boolean() },
  /** Mail has no secret that went to a file. */
  'webhooks add': { webhook: webhookModel, file: z.string().nullable() },
  'webhooks rotate': { webhook: webhookModel, file: z.string() },
  'webhooks test': webhookTested.shape,
  ...{ 'webhooks enable': { webhook: webhookModel }, 'webhooks remove': { id: z.string() } },
  instances: { instances: z.array(oneInstance), more: z.boolean() },
  instance: { instance: instanceReply },
  'instances isolate': { instance: oneInstance },
  'instances restore': { instance: oneInstance },
  'instances retire': { instance: oneInstance },
  ...reported,
  'instances evidence': { file: z.string(), digest, instance: z.string() },
  'instances sbom': {
    ...{ file: z.string(), instance: z.string(), components: count },
    without: z.array(z.string()),
  },
  'instances verify': { file: z.string(), digest, instance: z.string(), at: instant },
  'enrolment list': { ...enrolmentsReply.shape, more: z.boolean() },
  'enrolment revoke': { id: z.string() },
  tokens: { ...tokensReply.shape, more: z.boolean() },
  'tokens revoke': { id: z.string() },
  ...{ 'tokens create': newToken, 'tokens rotate': newToken },
  'customers create': { customer: customerModel },
  'groups create': { group: groupModel },
  customers: { ...customersList.shape, more: z.boolean() },
  groups: { ...groupsList.shape, more: z.boolean() },
  ...{ 'advisory publish': published, 'advisory import': published, 'advisory withdraw': published },
  'advisory export': { format: z.enum(['osv', 'csaf']), document: z.looseObject({}) },
  'enrolment create': { enrolment: z.string(), name: line, expires: instant },
  sign: { discarded: z.array(role), ...conclusion },
  renew: conclusion,
  'key list': {
    roles: z.array(
      z.strictObject({
        role: z.enum([...OFFLINE_ROLES, ...ONLINE_ROLES]),
        threshold: count,
        /** `file` is null where the key is not at hand. */
        keys: z.array(z.strictObject({ keyid: z.string(), file: z.string().nullable() })),
      }),
    ),
  },
  'key create': { path: z.string(), keyid: z.string() },
  'key rotate': conclusion,
  publish: conclusion,
  status: workspaceStatus,
  'mirrors list': { mirrors: z.array(listedMirror) },
  'mirrors set': { mirrors: z.array(listedMirror), ...conclusion },
  'mirrors clear': { mirrors: z.array(listedMirror), ...conclusion },
  'audit verify': {
    acts: count,
    first: instant.nullable(),
    last: instant.nullable(),
    checkpoint: z.string(),
    ...heldShape,
  },
};

/** `trace` answers with an instance where one is named. */
export function answerTo(command: string): z.ZodType {
  if (command === 'trace') return z.union([documentOf('trace'), documentOf('trace instance')]);
  return documentOf(command);
}

function documentOf(name: string): z.ZodObject {
  const shape = SHAPES[name];
  if (shape === undefined) throw new TypeError(`nothing says what ${name} answers`);
  return z.strictObject({ schema: z.literal(`fairlead-vendor/${name.replaceAll(' ', '-')}@1`), ...shape });
}
