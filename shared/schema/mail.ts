// Mail as people name it: an address, and the relay that takes mail from us, with how it is spoken with.
import { z } from 'zod';
import { isThisMachine, parsePlace } from '../encoding/hosts.ts';

/** RFC 5321 §4.1.2, without quoted local parts and without addresses in brackets: what a header could be broken with is in none. */
const ADDRESS =
  /^(?=.{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const LONGEST_ADDRESS = 254;

export const mailAddress = z
  .string()
  .max(LONGEST_ADDRESS)
  .regex(ADDRESS, { error: 'one address such as "ops@example.com"' });

/** `tls` from the first byte on; `starttls` before anything is said; `clear` on this machine alone. */
export type MailSecurity = 'tls' | 'starttls' | 'clear';

export interface RelayPlace {
  readonly host: string;
  readonly port: number;
  readonly security: MailSecurity;
}

export interface Relay extends RelayPlace {
  /** Who we are there; null for a relay that asks nobody. */
  readonly login: { readonly user: string; readonly password: string } | null;
  /** In PEM, believed besides those that Node believes. */
  readonly ca: readonly string[];
}

/** Through whom, and as whom. */
export interface MailSettings {
  readonly relay: Relay;
  readonly from: string;
}

/** RFC 8314 §3.3, RFC 6409 §3.1; what stands on this machine listens where others do not submit. */
const SCHEMES: Readonly<Record<string, Pick<RelayPlace, 'security' | 'port'>>> = {
  smtps: { security: 'tls', port: 465 },
  smtp: { security: 'starttls', port: 587 },
  'smtp-clear': { security: 'clear', port: 25 },
};

export const RELAY_FORM =
  'a relay such as smtp://mail.example.com (STARTTLS) or smtps://mail.example.com:465, without user or password; in the clear on this machine alone: smtp-clear://127.0.0.1';

/** Null for what is no relay, or one on another machine that would be spoken with in the clear. */
export function parseRelay(text: string): RelayPlace | null {
  const place = parsePlace(text);
  const kind = place === null || !Object.hasOwn(SCHEMES, place.scheme) ? undefined : SCHEMES[place.scheme];
  if (place === null || kind === undefined) return null;
  if (kind.security === 'clear' && !isThisMachine(place.host)) return null;
  return { host: place.host, port: place.port ?? kind.port, security: kind.security };
}

export const relayUrl = z
  .string()
  .max(300)
  .refine((text) => parseRelay(text) !== null, { error: RELAY_FORM });
