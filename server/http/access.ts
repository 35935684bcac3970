// Who may call what: the credentials that requests carry, held against what a route asks for.
import { decodeJwt, errors, importJWK, jwtVerify } from 'jose';
import type { z } from 'zod';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import { AGENT_TOKEN, agentClaims } from '../../shared/protocol/report.ts';
import type { SignIn } from '../context.ts';
import type { Person } from '../core/identity.ts';
import type { CallerQuotas, TakeQuota } from '../core/quota.ts';
import { findInstanceKey } from '../db/instances.ts';
import { verifyStanding } from '../db/standing.ts';
import type { Database } from '../db/tables.ts';
import { findToken, TOKEN_PREFIX, type Token } from '../db/token-lists.ts';
import { findVisitor, type Visit } from './visitor.ts';

/**
 * `viewer` lets every token in; any other list only the roles it names, and always `admin`. `machine` is whoever is on
 * this machine itself, and every token from elsewhere.
 */
export type Access = 'public' | 'agent' | 'machine' | readonly TokenRole[];

/** What a request shows of who sent it. */
export interface Shown {
  readonly authorization: string | undefined;
  /** It came over the loopback, and through no proxy. */
  readonly isLocal: boolean;
  /** For the error: what was asked for. */
  readonly route: string;
  /** A browser's cookie; it counts only where no credential is sent beside it. */
  readonly visit: Visit | null;
  /** The route answers a customer's token of its own instances only; others let none in. */
  readonly ofCustomers: boolean;
}

/** What credentials are held against; without `signIn` this server's own tokens alone count. */
export interface Known {
  readonly db: Database;
  readonly signIn: SignIn | null;
}

export const LONGEST_CREDENTIAL = 4_096;
const CREDENTIAL = new RegExp(`^Bearer ([!-~]{1,${LONGEST_CREDENTIAL}})$`, 'i');

/** Errors: auth/missing, auth/refused, auth/forbidden, auth/provider-unreachable, auth/cross-site, auth/session-over. */
export async function verifyAccess(
  { db, signIn }: Known,
  access: Access,
  shown: Shown,
  now: EpochMs,
): Promise<Caller> {
  if (access === 'public' || (access === 'machine' && shown.isLocal)) return { kind: 'nobody' };
  const allowed = access === 'machine' ? (['viewer'] as const) : access;
  if (shown.authorization === undefined && shown.visit !== null && allowed !== 'agent') {
    const person = await findVisitor(db, shown.visit, now);
    verifyRole(person.roles, allowed);
    return { kind: 'person', person };
  }
  const text = CREDENTIAL.exec(shown.authorization ?? '')?.[1];
  if (text === undefined) throw new FairleadError('auth/missing', { route: shown.route });
  if (allowed === 'agent') return { kind: 'agent', ...(await verifyAgentToken(db, text, now)) };
  if (signIn !== null && !text.startsWith(TOKEN_PREFIX)) {
    const person = await signIn.verify(text, now);
    verifyRole(person.roles, allowed);
    return { kind: 'person', person };
  }
  const token = await findToken(db, text, now);
  verifyRole([token.role], allowed);
  if (token.customer !== undefined && !shown.ofCustomers) {
    throw new FairleadError('auth/not-for-customers', { route: shown.route });
  }
  return { kind: 'token', token };
}

function verifyRole(held: readonly TokenRole[], allowed: readonly TokenRole[]): void {
  const suffices = (role: TokenRole) =>
    role === 'admin' || allowed.includes('viewer') || allowed.includes(role);
  if (held.some(suffices)) return;
  const role = held.length === 0 ? 'none' : held.join(' and ');
  throw new FairleadError('auth/forbidden', { role, needed: [...allowed, 'admin'].join(' or ') });
}

/** The agents' clocks are not ours to set; a token lives so short that this much leeway costs nothing. */
const CLOCK_TOLERANCE_SECONDS = 60;

/** Answers the instance that signed the token, and which of its processes. Errors: auth/refused, instance/isolated, instance/retired. */
async function verifyAgentToken(db: Database, text: string, now: EpochMs): Promise<Speaker> {
  const { iss: issuer, boot } = readClaims(text);
  const known = await findInstanceKey(db, issuer);
  if (known === null) throw refused('no instance of this server issued it');
  try {
    const { payload } = await jwtVerify(
      text,
      await importJWK({ kty: 'OKP', crv: 'Ed25519', x: known.public_key }, 'EdDSA'),
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
      throw refused('it would live too long');
    }
    // Asked of the database for each request, so that it holds at once in every process; told to the key's holder alone.
    verifyStanding(known);
    return { instance: issuer, boot: boot ?? null };
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    throw refused(problemOf(cause), cause);
  }
}

/** Nothing of what it answers is verified yet, but it is of the type that claims have: anything may stand in a token. */
function readClaims(text: string): z.output<typeof agentClaims> {
  let claims: unknown;
  try {
    claims = decodeJwt(text);
  } catch (cause) {
    throw refused('it is not an agent token', cause);
  }
  const parsed = agentClaims.safeParse(claims);
  if (!parsed.success) throw refused('no instance of this server issued it');
  return parsed.data;
}

function problemOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'it has expired, or the clocks of agent and server differ';
  if (cause instanceof errors.JWTClaimValidationFailed) return `its claim "${cause.claim}" does not fit`;
  return 'its signature is not the instance’s';
}

function refused(problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/refused', { problem }, { cause });
}

/** By what the credential says and nothing else. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'person'; readonly person: Person }
  | ({ readonly kind: 'agent' } & Speaker);

export interface Speaker {
  readonly instance: string;
  /** The start of the agent that speaks; null for one that does not say. */
  readonly boot: string | null;
}

/** The agent behind a request. */
export function speakerOf(caller: Caller): Speaker {
  if (caller.kind !== 'agent') throw new Error('the route lets agents only in here');
  return caller;
}

/**
 * Which credential it is, apart from all others: what one holder may repeat, and how much of it, is counted by this. Names
 * are for people: two may have the same.
 */
export function credentialOf(caller: Caller): string {
  switch (caller.kind) {
    case 'token':
      return caller.token.id;
    case 'person':
      return `person ${caller.person.subject}`;
    case 'agent':
      return caller.instance;
    case 'nobody':
      return '';
  }
}

/** Counts what a credential asks; nobody has none, and is counted by address. Error: request/rate-limited. */
export function takeQuota(
  { quotas }: { readonly quotas: CallerQuotas },
  caller: Caller,
  take: Parameters<TakeQuota>[1],
): void {
  if (caller.kind === 'nobody') return;
  quotas[caller.kind === 'agent' ? 'agent' : 'person'](credentialOf(caller), take);
}

/** Whose instances alone the caller sees; undefined for all. */
export function customerOf(caller: Caller): string | undefined {
  return caller.kind === 'token' ? caller.token.customer : undefined;
}

/** How the audit log names whoever sent the request. */
export function actorOf(caller: Caller): string {
  switch (caller.kind) {
    case 'token':
      return `token ${caller.token.name}`;
    case 'person':
      return `person ${caller.person.name}`;
    case 'agent':
      return `instance ${caller.instance}`;
    case 'nobody':
      return 'nobody';
  }
}
