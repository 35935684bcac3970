// Who people and programs are by the vendor's own identity provider, and which roles their groups hold here.
import { z } from 'zod';
import { isThisMachine } from '../../shared/encoding/hosts.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { TOKEN_ROLES, type TokenRole } from '../../shared/protocol/fleet.ts';
import { duration, line } from '../../shared/schema/common.ts';

const groups = z.array(line).min(1).max(100);
const safeUrl = z.url().refine(isSafe, { error: 'an https address; http only on this machine' });
/** RFC 6749 §3.3. */
const scope = z.string().regex(/^[!#-[\]-~]{1,100}$/, { error: 'a scope such as "profile"' });

/** Where the provider is never asked again before a sign-in ends, its word is this old at most. */
const SHORTEST_MS = durationMs('PT5M');
export const LONGEST_SIGN_IN_MS = durationMs('P1D');

/** This server as a client of the provider: people sign in there with a browser. Its secret stands in a file of its own. */
const browser = z.strictObject({
  clientId: line,
  /** Where people reach this server, as scheme, host and port; the provider sends them back below it. */
  url: safeUrl
    .refine(isOrigin, { error: 'scheme, host and port, such as "https://releases.example.com"' })
    .transform((url) => new URL(url).origin),
  /** Asked for besides `openid`: what it takes for the provider to tell of groups. */
  scopes: z.array(scope).max(20).default([]),
  /** How long a sign-in lasts at most. */
  lasts: duration
    .refine((span) => durationMs(span) >= SHORTEST_MS && durationMs(span) <= LONGEST_SIGN_IN_MS, {
      error: 'five minutes to a day, such as "PT1H"',
    })
    .default('PT1H'),
});
export type BrowserClient = z.output<typeof browser>;

/** What stands in the file of `--oidc`. */
export const identityConfig = z
  .strictObject({
    schema: z.literal('fairlead/oidc@1'),
    /** As the provider names itself, to the letter: OpenID Connect Discovery 1.0 §3. */
    issuer: safeUrl,
    /** What the provider calls this server: tokens for others are refused. */
    audience: line,
    /** The claim that lists groups. */
    groups: line.default('groups'),
    /** The claim that stands in the audit log. `sub` never changes; another may be its owner's to choose. */
    name: line.default('sub'),
    /** Which groups hold each role. */
    roles: z.strictObject(
      Object.fromEntries(TOKEN_ROLES.map((role) => [role, groups.optional()])) as RoleGroups,
    ),
    /** Nobody signs in with a browser unless it stands here. */
    browser: browser.optional(),
  })
  // An ID token says who signed in, to whom it was given; it must not open the API to whoever finds one.
  .refine((config) => config.browser?.clientId !== config.audience, {
    path: ['browser', 'clientId'],
    error: 'another than the audience: the one is of ID tokens, the other of access tokens',
  });
export type IdentityConfig = z.output<typeof identityConfig>;
type RoleGroups = Record<TokenRole, z.ZodOptional<typeof groups>>;

/** Somebody whom the provider knows. */
export interface Identity {
  /** The provider's own name for them, which no other has. */
  readonly subject: string;
  /** For the audit log. */
  readonly name: string;
  /** Of all their groups those that hold anything here. */
  readonly groups: readonly string[];
}

/** Somebody who signed in elsewhere. */
export interface Person {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly TokenRole[];
}

/** OpenID Connect Core 1.0 §2. */
const MAX_SUBJECT = 255;

/** From verified claims. Null where they name nobody. */
export function identityOf(
  claims: Readonly<Record<string, unknown>>,
  config: IdentityConfig,
): Identity | null {
  const { sub: subject, [config.name]: named } = claims;
  if (typeof subject !== 'string' || typeof named !== 'string') return null;
  const name = sanitizeLine(named).trim();
  if (subject === '' || name === '' || subject !== sanitizeLine(subject, MAX_SUBJECT)) return null;
  const held = new Set([claims[config.groups]].flat());
  const known = new Set(TOKEN_ROLES.flatMap((role) => config.roles[role] ?? []));
  return { subject, name, groups: [...known].filter((group) => held.has(group)) };
}

/** With what its groups hold by the configuration of now, whatever they held when it was asked. */
export function personOf({ subject, name, groups: held }: Identity, { roles }: IdentityConfig): Person {
  return {
    ...{ subject, name },
    roles: TOKEN_ROLES.filter((role) => roles[role]?.some((group) => held.includes(group))),
  };
}

/** Keys that came in the clear could be anybody's. */
export function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && isThisMachine(hostname));
}

function isOrigin(url: string): boolean {
  const { origin, href } = new URL(url);
  return href === `${origin}/`;
}
