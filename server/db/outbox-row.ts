// The rows of the outbox: alerts, webhooks, what waits to be sent and what came of it.
import type { Generated } from 'kysely';
import type { Severity } from '../../shared/protocol/alerts.ts';
import type { DELIVERY_STATES } from '../../shared/protocol/webhooks.ts';

export interface WebhookRow {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** JSON: types of messages. */
  readonly types: string;
  readonly severity: Severity;
  /** 1 or 0. */
  readonly enabled: number;
  readonly disabled_why: string | null;
  readonly revision: number;
  /** Its secret, sealed as pass-keys.ts has it, about its id. */
  readonly sealed: string;
  /** The one before, and until when it signs too. */
  readonly old_sealed: string | null;
  readonly old_until: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** How it goes with whoever is sent something. */
export interface ReceiverRow {
  /** A webhook’s id. */
  readonly id: string;
  /** In a row, up to now. */
  readonly failures: number;
  readonly failing_since: string | null;
  /** Nothing is tried before. */
  readonly rest_until: string | null;
  readonly dropped: number;
}

/** One message for one receiver. */
export interface DeliveryRow {
  /** Given by the database; the order in which they are sent, as far as there is one. */
  readonly id: number;
  readonly receiver: string;
  readonly message: string;
  readonly type: string;
  readonly body: string;
  readonly state: (typeof DELIVERY_STATES)[number];
  readonly attempts: number;
  readonly created_at: string;
  readonly due_at: string;
  readonly attempted_at: string | null;
  readonly status: number | null;
  readonly problem: string | null;
  readonly took_ms: number | null;
}

export interface AlertRow {
  readonly id: string;
  readonly kind: string;
  readonly severity: Severity;
  readonly about: string;
  readonly text: string;
  readonly count: number;
  /** Of the count, when it was last told. */
  readonly told: number;
  /** JSON: ids of some. */
  readonly instances: string;
  readonly first_at: string;
  readonly last_at: string;
}

/** The only row says up to which event all was told. */
export interface OutboxRow {
  readonly id: number;
  readonly event: number;
}

/** A number that only grows; see fleet-metrics.ts. */
export interface TallyRow {
  readonly series: string;
  readonly value: number;
}

export interface OutboxTables {
  readonly webhooks: WebhookRow;
  readonly receivers: ReceiverRow;
  readonly deliveries: Omit<DeliveryRow, 'id'> & { readonly id: Generated<number> };
  readonly alerts: AlertRow;
  readonly outbox: OutboxRow;
  readonly tallies: TallyRow;
}
