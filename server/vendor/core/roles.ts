// The roles a vendor signs with: what each may say, how long its signatures last, and its metadata before signing.
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { KeyId, KeyObject } from '../../../shared/trust/key.ts';

const DAY_MS = 86_400_000;

/** Signed by the vendor's offline keys, in the order in which each vouches for the next. */
export const OFFLINE_ROLES = ['root', 'targets', 'security', 'halts', 'releases'] as const;
export type OfflineRole = (typeof OFFLINE_ROLES)[number];

/** Signed by the server's own keys, which root names. */
export const ONLINE_ROLES = ['snapshot', 'timestamp'] as const;
export type OnlineRole = (typeof ONLINE_ROLES)[number];

/**
 * How long a signature lasts, in days. An expired role stops new installs everywhere, so these are long: freshness comes
 * from the server's short-lived timestamp, not from here. `fairlead-vendor renew` signs again.
 */
const VALID_DAYS: Readonly<Record<OfflineRole, number>> = {
  root: 365,
  targets: 365,
  security: 180,
  halts: 180,
  releases: 180,
};

/** `status` and `renew` call a role due this long before it expires. */
export const RENEW_BEFORE_MS = 30 * DAY_MS;

/**
 * In order of precedence: a terminating role ends the search, so that no role after it can speak for its paths.
 * A `*` does not cross a slash (TUF §4.5).
 */
const DELEGATIONS = [
  { name: 'security', terminating: true, paths: ['advisories/*'] },
  { name: 'halts', terminating: true, paths: ['halts/*'] },
  {
    name: 'releases',
    terminating: true,
    paths: ['platform/*', 'suites/*/*', 'capabilities/*/*/*'].flatMap((path) => [path, `rollouts/*/${path}`]),
  },
] as const;

export interface RoleKeys {
  readonly threshold: number;
  readonly keys: readonly { readonly keyid: KeyId; readonly key: KeyObject }[];
}

export type Keyring = Readonly<Record<OfflineRole | OnlineRole, RoleKeys>>;

/** `threshold` of `count` keys must sign. */
export interface Quorum {
  readonly threshold: number;
  readonly count: number;
}

const MAX_KEYS = 20;

/** `root=2/3`. Error: vendor/option-invalid. */
export function parseQuorum(value: string): readonly [OfflineRole, Quorum] {
  const match = /^([a-z]+)=(\d{1,2})\/(\d{1,2})$/.exec(value);
  const role = OFFLINE_ROLES.find((name) => name === match?.[1]);
  const threshold = Number(match?.[2]);
  const count = Number(match?.[3]);
  if (role === undefined || threshold < 1 || count < threshold || count > MAX_KEYS) {
    const form = `ROLE=K/N with 1 ≤ K ≤ N ≤ ${MAX_KEYS}, such as root=2/3`;
    throw new FairleadError('vendor/option-invalid', { option: '--quorum', value, form });
  }
  return [role, { threshold, count }];
}

export function expiryOf(role: OfflineRole, now: EpochMs): EpochMs {
  return now + VALID_DAYS[role] * DAY_MS;
}

export function draftRoot(version: number, now: EpochMs, keyring: Keyring): JsonObject {
  const roles = ['root', 'targets', ...ONLINE_ROLES] as const;
  return {
    ...header('root', version, now),
    consistent_snapshot: true,
    keys: keysOf(roles.map((role) => keyring[role])),
    roles: Object.fromEntries(roles.map((role) => [role, membersOf(keyring[role])])),
  };
}

export function draftTargets(version: number, now: EpochMs, keyring: Keyring): JsonObject {
  return {
    ...header('targets', version, now),
    targets: {},
    delegations: {
      keys: keysOf(DELEGATIONS.map(({ name }) => keyring[name])),
      roles: DELEGATIONS.map(({ name, terminating, paths }) => ({
        ...{ name, terminating, paths },
        ...membersOf(keyring[name]),
      })),
    },
  };
}

/** The same role anew, with these targets: what it delegates stays. */
export function draftNext(
  role: OfflineRole,
  before: JsonObject,
  version: number,
  now: EpochMs,
  targets: JsonObject,
): JsonObject {
  return { ...before, ...header(role, version, now), targets };
}

/** Delegated metadata that lists these targets. */
export function draftDelegated(
  role: OfflineRole,
  version: number,
  now: EpochMs,
  targets: JsonObject,
): JsonObject {
  return { ...header(role, version, now), targets };
}

function header(role: OfflineRole, version: number, now: EpochMs): JsonObject {
  return {
    _type: role === 'root' ? 'root' : 'targets',
    spec_version: '1.0.31',
    version,
    expires: formatInstant(expiryOf(role, now)),
  };
}

function membersOf(role: RoleKeys): { keyids: string[]; threshold: number } {
  return { keyids: role.keys.map((key) => key.keyid), threshold: role.threshold };
}

function keysOf(roles: readonly RoleKeys[]): JsonObject {
  return Object.fromEntries(roles.flatMap((role) => role.keys.map(({ keyid, key }) => [keyid, key])));
}
