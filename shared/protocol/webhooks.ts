// Webhooks as those who run the server see them: where they go, what they are told, and what came of it.
import { z } from 'zod';
import { durationMs } from '../encoding/instant.ts';
import { duration, instant, line } from '../schema/common.ts';
import { ALERT_KINDS, SEVERITIES } from './alerts.ts';
import { EVENT_KINDS } from './events.ts';

export const WEBHOOKS_PATH = '/api/v1/webhooks';

const MAILTO = 'mailto:';

/** The address that mail goes to; null for a webhook that is one. What is wrong with it nobody has looked at. */
export function mailAddressIn(url: string): string | null {
  return url.toLowerCase().startsWith(MAILTO) ? url.slice(MAILTO.length) : null;
}

export function mailtoOf(address: string): string {
  return MAILTO + address;
}

/** Of an address no more than whose it is: what follows may hold a secret of the receiver’s. */
export function whoseAddress(url: string): string {
  return mailAddressIn(url) ?? new URL(url).origin;
}

const ALERT_TYPES = ALERT_KINDS.map((kind) => `alert.${kind}` as const);
/** `alert.…` once for many events about one thing; the others once for each. */
export const MESSAGE_TYPES = [...ALERT_TYPES, ...EVENT_KINDS] as const;
/** What a test sends. */
export const TEST_TYPE = 'webhook.test';

const types = z
  .array(z.enum(MESSAGE_TYPES))
  .min(1)
  .max(MESSAGE_TYPES.length)
  .transform((all) => [...new Set(all)]);

export const webhookRequest = z.strictObject({
  name: line,
  /** https, or `mailto:ops@example.com` where the server has a relay; in the clear this machine alone, where it is told so. */
  url: z.string().min(1).max(2_000),
  /** All alerts unless given. */
  types: types.default([...ALERT_TYPES]),
  /** Of alerts, those of this severity and graver. */
  severity: z.enum(SEVERITIES).default('warning'),
});

/** One that is enabled anew begins with what happens from then on, and with what still waits. */
export const webhookChange = webhookRequest.extend({ enabled: z.boolean().default(true) });
export type WebhookChange = z.output<typeof webhookChange>;

const webhook = {
  id: z.uuid(),
  name: line,
  url: z.string(),
  types: z.array(z.string()),
  severity: z.enum(SEVERITIES),
  enabled: z.boolean(),
  /** Why the server disabled it by itself. */
  disabled_why: z.string().nullable(),
  /** Since when no attempt succeeds; null while they do. */
  failing_since: instant.nullable(),
  /** Messages that wait to be sent. */
  waiting: z.int().min(0),
  /** Messages that were given up or for which there was no room. */
  dropped: z.int().min(0),
  /** Until then both secrets sign. */
  rotating_until: instant.nullable(),
  /** What `If-Match` names. */
  revision: z.int().min(1),
  created_at: instant,
  updated_at: instant,
};
export const webhookModel = z.object(webhook);
export type WebhookModel = z.output<typeof webhookModel>;
export const webhooksList = z.object({ webhooks: z.array(webhookModel) });

/** The only answer that ever holds the secret. Mail is signed with none. */
export const webhookMade = z.object({ ...webhook, secret: z.string().optional() });
export type WebhookMade = z.output<typeof webhookMade>;

export const LONGEST_OVERLAP = 'P7D';
export const webhookRotation = z.strictObject({
  /** So long the old secret signs beside the new one. */
  overlap: duration
    .refine((span) => durationMs(span) <= durationMs(LONGEST_OVERLAP), {
      error: `at most ${LONGEST_OVERLAP}`,
    })
    .default('P1D'),
});

/** What came of one attempt that was made at once. */
export const webhookTested = z.object({
  delivered: z.boolean(),
  message: z.string(),
  /** Null where nobody answered. */
  status: z.int().nullable(),
  problem: z.string().nullable(),
  /** Whether it is told anything but tests. A server of an earlier version does not say. */
  enabled: z.boolean().optional(),
  disabled_why: z.string().nullable().optional(),
});

export const DELIVERY_STATES = ['waiting', 'delivered', 'given-up'] as const;
export const deliveryModel = z.object({
  id: z.int().min(1),
  /** What `webhook-id` says, of every attempt the same. */
  message: z.string(),
  type: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.int().min(0),
  /** When it was last put into the queue. */
  created_at: instant,
  /** When it is tried again, while it waits. */
  due_at: instant,
  attempted_at: instant.nullable(),
  /** Of the last attempt. */
  status: z.int().nullable(),
  problem: z.string().nullable(),
  took_ms: z.int().nullable(),
});
export type DeliveryModel = z.output<typeof deliveryModel>;
export const deliveriesList = z.object({ deliveries: z.array(deliveryModel) });
