// Sends messages to one webhook: signed with its secrets as they are at that moment, through the one door.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { signatureHeaders } from '../../shared/protocol/standard-webhooks.ts';
import { openSecrets, type SealedSecrets } from '../core/seal.ts';
import type { Attempt, WebhookDoor } from './webhook-door.ts';

/** What is sent, under an id that each attempt has. */
export interface Message {
  readonly id: string;
  readonly body: string;
}

/** To one receiver; its connections are kept until it is closed. */
export interface Sending {
  /** Never throws: what comes of it is the answer. */
  send(message: Message): Promise<Attempt>;
  close(): Promise<void>;
}

export interface WebhookSender {
  /** What can be said of an address without asking anybody. Error: webhook/address-refused. */
  verify(url: string): void;
  open(webhook: SealedSecrets & { readonly url: string }): Promise<Sending>;
}

const UNSEALED: Attempt = {
  status: null,
  problem: 'its secret cannot be opened with the passphrase of this server: rotate it',
  retryAfterSeconds: null,
  tookMs: 0,
};

/** `sealing` opens the secrets; it may fail where the passphrase cannot be read, and that is an attempt’s problem. */
export function createWebhookSender(
  door: WebhookDoor,
  sealing: () => Promise<Uint8Array>,
  now: () => EpochMs,
): WebhookSender {
  return {
    verify: door.verify,
    open: async (webhook) => {
      const way = await door.open(webhook.url);
      return {
        send: async ({ id, body }) => {
          const master = await sealing().catch(() => null);
          const secrets = master === null ? null : openSecrets(webhook, master, now());
          if (secrets === null) return UNSEALED;
          const timestamp = Math.floor(now() / 1_000);
          const signed = signatureHeaders({ id, timestamp, body }, secrets);
          return way.send({ headers: { ...COMMON, ...signed }, body });
        },
        close: way.close,
      };
    },
  };
}

const COMMON = { 'content-type': 'application/json', 'user-agent': 'Fairlead' } as const;
