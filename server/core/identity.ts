// Who people and programs are by the vendor's own identity provider, and which roles their groups hold here.
import { z } from 'zod';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { TOKEN_ROLES, type TokenRole } from '../../shared/protocol/fleet.ts';
import { line } from '../../shared/schema/common.ts';
import { isLoopback } from './transport.ts';

const groups = z.array(line).min(1).max(100);

/** What stands in the file of `--oidc`. */
export const identityConfig = z.strictObject({
  schema: z.literal('fairlead/oidc@1'),
  /** As the provider names itself, to the letter: OpenID Connect Discovery 1.0 §3. */
  issuer: z.url().refine(isSafe, { error: 'an https address; http only on this machine' }),
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
});
export type IdentityConfig = z.output<typeof identityConfig>;
type RoleGroups = Record<TokenRole, z.ZodOptional<typeof groups>>;

/** Somebody who signed in elsewhere. */
export interface Person {
  readonly name: string;
  readonly roles: readonly TokenRole[];
}

/** From the claims of a verified token. Null where they name nobody. */
export function personOf(claims: Readonly<Record<string, unknown>>, config: IdentityConfig): Person | null {
  const name = claims[config.name];
  if (typeof name !== 'string' || name === '') return null;
  const held = new Set([claims[config.groups]].flat());
  const roles = TOKEN_ROLES.filter((role) => config.roles[role]?.some((group) => held.has(group)));
  return { name: sanitizeLine(name).trim(), roles };
}

/** Keys that came in the clear could be anybody's. */
export function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}
