// What only this server may read or make: AES-256-GCM, with a nonce of its own each time; what it seals in an agent's pass, and the secrets of webhooks.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';

export const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `nonce` is never used twice under one key. `about` is bound to it and not kept. */
export function seal(text: string, key: Uint8Array, nonce: Uint8Array, about = ''): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(about));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Null for what was not sealed with this key, about this. */
export function openSealed(bytes: Buffer, key: Uint8Array, about = ''): string | null {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** Only this server wrote it, so it is read as it was written. */
export interface PassContent {
  readonly instance: string;
  /** The start of the agent; null for one that does not say. */
  readonly boot: string | null;
  /** The public key that a signature was held against. */
  readonly key: string;
  /** Seconds since 1970. */
  readonly ends: number;
  /** base64url. */
  readonly secret: string;
}

/** What it is sealed with stands before it, by its id. */
export function sealPass(
  content: PassContent,
  { id, secret }: { readonly id: string; readonly secret: Uint8Array },
  nonce: Uint8Array,
): string {
  return `${id}.${seal(JSON.stringify(content), secret, nonce).toString('base64url')}`;
}

/** Null for what was not sealed with this key. */
export function openPass(pass: string, secret: Uint8Array): PassContent | null {
  const text = openSealed(Buffer.from(pass.slice(pass.indexOf('.') + 1), 'base64url'), secret);
  return text === null ? null : (JSON.parse(text) as PassContent);
}

/** The secrets of a webhook, as they rest in the database. */
export interface SealedSecrets {
  readonly id: string;
  readonly sealed: string;
  /** The one before, and until when it signs too. */
  readonly old_sealed: string | null;
  readonly old_until: string | null;
}

/** About whose it is: in another's place it is worth nothing. */
export function sealSecret(secret: string, id: string, master: Uint8Array, nonce: Uint8Array): string {
  return seal(secret, master, nonce, `webhook ${id}`).toString('base64url');
}

/** What signs now, the newest first; null where the newest cannot be opened, for the server has another passphrase. */
export function openSecrets(row: SealedSecrets, master: Uint8Array, now: EpochMs): readonly string[] | null {
  const open = (text: string) => openSealed(Buffer.from(text, 'base64url'), master, `webhook ${row.id}`);
  const newest = open(row.sealed);
  if (newest === null) return null;
  const signsToo = row.old_sealed !== null && (row.old_until ?? '') > formatInstantMs(now);
  const old = signsToo ? open(row.old_sealed ?? '') : null;
  return old === null ? [newest] : [newest, old];
}
