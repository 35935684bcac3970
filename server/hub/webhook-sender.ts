// Sends messages to whoever a webhook names: signed with its secrets as they are at that moment, through the one door, or as mail.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { signatureHeaders } from '../../shared/protocol/standard-webhooks.ts';
import { mailAddressIn } from '../../shared/protocol/webhooks.ts';
import type { MailSettings } from '../../shared/schema/mail.ts';
import { openSecrets, type SealedSecrets } from '../core/seal.ts';
import { openMail, verifyMailto } from './mail-sender.ts';
import type { Attempt, Sending, WebhookDoor } from './webhook-door.ts';

export interface WebhookSender {
  /** What can be said of an address without asking anybody. Error: webhook/address-refused. */
  verify(url: string): void;
  open(webhook: Receiving): Promise<Sending>;
}

type Receiving = SealedSecrets & { readonly name: string; readonly url: string };

/** Of one receiver: whoever is slow is asked side by side. */
const ROUND = 16;

const UNSEALED: Attempt = {
  verdict: 'unsent',
  status: null,
  problem: 'its secret cannot be opened with the passphrase of this server: rotate it',
  retryAfterSeconds: null,
  tookMs: 0,
};

interface SenderParts {
  readonly door: WebhookDoor;
  readonly mail: MailSettings | null;
  /** Opens the secrets; it may fail where the passphrase cannot be read, and that is an attempt’s problem. */
  readonly sealing: () => Promise<Uint8Array>;
  readonly now: () => EpochMs;
}

export function createWebhookSender(parts: SenderParts): WebhookSender {
  return {
    verify: (url) => {
      if (mailAddressIn(url) === null) parts.door.verify(url);
      else verifyMailto(url, parts.mail);
    },
    open: async (webhook) =>
      mailAddressIn(webhook.url) === null ? openWay(webhook, parts) : openMail(webhook, parts.mail),
  };
}

async function openWay(webhook: Receiving, { door, sealing, now }: SenderParts): Promise<Sending> {
  const way = await door.open(webhook.url);
  return {
    atOnce: ROUND,
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
}

const COMMON = { 'content-type': 'application/json', 'user-agent': 'Fairlead' } as const;
