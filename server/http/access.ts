// Who may call what: one table, and the credentials that requests carry.
import { decodeJwt, errors, importJWK, jwtVerify } from 'jose';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import { AGENT_TOKEN } from '../../shared/protocol/report.ts';
import { findInstanceKey } from '../db/instances.ts';
import type { Database } from '../db/tables.ts';
import { findToken, type Token } from '../db/tokens.ts';

/** `viewer` lets every token in; any other list only the roles it names, and always `admin`. */
export type Access = 'public' | 'agent' | readonly TokenRole[];

/** Every route stands here: a route that does not is refused when the server starts. */
export const ACCESS: Readonly<Record<string, Access>> = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /metrics': 'public',
  'GET /docs/openapi.json': 'public',
  'GET /repository/*': 'public',
  'GET /api/v1/online-keys': 'public',
  'POST /api/v1/enrolments/redeem': 'public',
  'POST /api/v1/reports': 'agent',
  'POST /api/v1/enrolments': ['operator', 'publisher'],
  'HEAD /api/v1/packs/:treeHex/full.pack': ['publisher'],
  'PUT /api/v1/packs/:treeHex/full.pack': ['publisher'],
  'POST /api/v1/publications': ['publisher'],
  'GET /api/v1/instances': ['viewer'],
  'GET /api/v1/instances/:id': ['viewer'],
  'GET /api/v1/deployments': ['viewer'],
  'GET /api/v1/rollback/history': ['viewer'],
  'GET /api/v1/changes': ['viewer'],
  'GET /api/v1/changes/:id': ['viewer'],
  'GET /api/v1/security/patches': ['viewer'],
  'GET /api/v1/audit': ['viewer'],
};

/** Who is asking, by what the credential says and nothing else. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'agent'; readonly instance: string };

/** HEAD is answered where GET is, unless it stands in the table itself. */
export function accessOf(method: string, route: string): Access | undefined {
  return ACCESS[`${method} ${route}`] ?? (method === 'HEAD' ? ACCESS[`GET ${route}`] : undefined);
}

/** Errors: auth/missing, auth/refused, auth/forbidden. */
export async function verifyAccess(
  db: Database,
  access: Access,
  credential: string | undefined,
  route: string,
  now: EpochMs,
): Promise<Caller> {
  if (access === 'public') return { kind: 'nobody' };
  const text = /^Bearer ([!-~]{1,4096})$/i.exec(credential ?? '')?.[1];
  if (text === undefined) throw new FairleadError('auth/missing', { route });
  if (access === 'agent') return { kind: 'agent', instance: await verifyAgentToken(db, text, now) };
  const token = await findToken(db, text, now);
  verifyRole(token.role, access);
  return { kind: 'token', token };
}

function verifyRole(role: TokenRole, allowed: readonly TokenRole[]): void {
  if (role === 'admin' || allowed.includes('viewer') || allowed.includes(role)) return;
  throw new FairleadError('auth/forbidden', { role, needed: [...allowed, 'admin'].join(' or ') });
}

/** The agents' clocks are not ours to set; a token lives so short that this much leeway costs nothing. */
const CLOCK_TOLERANCE_SECONDS = 60;

/** Answers the instance that signed the token. */
async function verifyAgentToken(db: Database, text: string, now: EpochMs): Promise<string> {
  const { iss: issuer } = readClaims(text);
  const key = issuer === undefined ? null : await findInstanceKey(db, issuer);
  if (issuer === undefined || key === null) {
    throw new FairleadError('auth/refused', { problem: 'no instance of this server issued it' });
  }
  try {
    const { payload } = await jwtVerify(
      text,
      await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key }, 'EdDSA'),
      {
        algorithms: ['EdDSA'],
        issuer,
        audience: AGENT_TOKEN.audience,
        currentDate: new Date(now),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        maxTokenAge: AGENT_TOKEN.lifetimeSeconds,
        requiredClaims: ['exp'],
      },
    );
    if ((payload.exp ?? 0) - (payload.iat ?? 0) > AGENT_TOKEN.lifetimeSeconds) {
      throw new FairleadError('auth/refused', { problem: 'it would live too long' });
    }
    return issuer;
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    throw new FairleadError('auth/refused', { problem: problemOf(cause) }, { cause });
  }
}

/** Nothing of what it answers is verified yet. */
function readClaims(text: string): { readonly iss?: string | undefined } {
  try {
    return decodeJwt(text);
  } catch (cause) {
    throw new FairleadError('auth/refused', { problem: 'it is not an agent token' }, { cause });
  }
}

function problemOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'it has expired, or the clocks of agent and server differ';
  if (cause instanceof errors.JWTClaimValidationFailed) return `its claim "${cause.claim}" does not fit`;
  return 'its signature is not the instance’s';
}
