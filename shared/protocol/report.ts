// The report: what an agent tells the server about what runs, what it decided and what happened since.
import { z } from 'zod';
import { classFacts } from '../schema/classes.ts';
import { componentKey, digest, instant, line, name, version } from '../schema/common.ts';
import { decision } from '../schema/decision.ts';
import { reportedRecord } from '../schema/deployment.ts';
import { dsseEnvelope } from '../trust/dsse.ts';
import { contentDigest, passClaim } from './pass.ts';
import { ledgerClaim } from './receipt.ts';

export const CHANNELS = ['auto', 'manual', 'frozen'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Of one report; more than that go with the next. */
export const MOST_RECORDS = 100;

export const report = z.strictObject({
  schema: z.literal('fairlead/report@1'),
  /** Counts up on each instance; the server keeps the newest and ignores repeats. */
  sequence: z.int().min(1),
  at: instant,
  agentVersion: line,
  channel: z.enum(CHANNELS),
  track: name,
  /** Digest of the deployment manifest that runs; null on an empty instance. */
  manifest: digest.nullable(),
  /** What runs, by the digests verified on disk. */
  components: z.array(
    z.strictObject({
      component: componentKey,
      version,
      tree: digest,
      health: z.enum(['healthy', 'unhealthy', 'unknown']),
    }),
  ),
  decision: decision.nullable(),
  /** What this install is, for classes. Only to a server that says it reads them: an earlier one refuses what it does not know. */
  facts: classFacts.optional(),
  /** Where the log of this install ends, now and then; what a report says is the same without. The same holds for it. */
  ledger: ledgerClaim.optional(),
  /** Records that are new or changed since the last report the server accepted. */
  records: z.array(reportedRecord).max(MOST_RECORDS),
});

export type Report = z.output<typeof report>;

/**
 * POST /api/v1/reports: the highest sequence the server holds, or one more where another report has this number; an agent
 * restored from a backup goes on from there.
 */
export const reportReply = z.strictObject({
  sequence: z.int().min(1),
  /** To a report that names the head of its log, once it is kept: see receipt.ts. */
  receipt: dsseEnvelope.optional(),
});

/** The same as an agent hears it: the report is on the server's disk, whatever stands where a receipt should. */
export const heardReply = reportReply.extend({ receipt: z.unknown().optional() });

/** Beside the answer to a report, while two agents speak in turns with its identity: when they were last heard. */
export const TWINS_HEADER = 'fairlead-twins';

/** Beside the answer to a report that was kept: its digest, to be named by heartbeats. An earlier server says nothing, and is sent none. */
export const HELD_HEADER = 'fairlead-held';

/** Beside the answer to a report: the optional parts of reports that this server reads, with commas between them. */
export const READS_HEADER = 'fairlead-reads';
export const OPTIONAL_PARTS = ['facts', 'ledger', 'fixes', 'fetched'] as const;
export type OptionalPart = (typeof OPTIONAL_PARTS)[number];

/** POST /api/v1/heartbeats: a report would say what the one with this digest said, but for its time, and brings no records. */
export const heartbeat = z.strictObject({
  schema: z.literal('fairlead/heartbeat@1'),
  /** Of the same counter as reports. */
  sequence: z.int().min(1),
  report: contentDigest,
});

/** `whole`: the server holds something else, and wants a report. */
export const heartbeatReply = z.strictObject({ sequence: z.int().min(0), whole: z.boolean() });

export type Heartbeat = z.output<typeof heartbeat>;

/** What the server makes of an instance once it is enrolled. */
export const instanceId = z
  .string()
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, { error: 'an instance id' });

/** Claims of the short-lived EdDSA JWT an agent signs for each request: `iss` is the instance id. */
export const agentClaims = z.looseObject({
  iss: instanceId,
  /** Another at each start of an agent: by it the server notices two that live with one identity. */
  boot: z
    .string()
    .regex(/^[A-Za-z0-9_-]{8,64}$/)
    .optional()
    .catch(undefined),
  /** Its half of the secret of a pass that it asks for. */
  pass: passClaim,
});
export const AGENT_TOKEN = { audience: 'fairlead-server', lifetimeSeconds: 120 } as const;
