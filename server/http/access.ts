// Who may call what: the credentials that requests carry, held against what a route asks for.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import { PASS, PASS_SCHEME } from '../../shared/protocol/pass.ts';
import type { SignIn } from '../context.ts';
import type { Person } from '../core/identity.ts';
import type { CallerQuotas, TakeQuota } from '../core/quota.ts';
import type { PassKeys } from '../db/pass-keys.ts';
import type { Database } from '../db/tables.ts';
import { findToken, TOKEN_PREFIX, type Token } from '../db/token-lists.ts';
import {
  type Asked,
  type ShownAgent,
  type Speaker,
  verifyBody,
  verifyLetIn,
  verifyPass,
  verifySignature,
} from './speaker.ts';
import { findVisitor, type Visit } from './visitor.ts';

/**
 * `viewer` lets every token in; any other list only the roles it names, and always `admin`. `machine` is whoever is on
 * this machine itself, and every token from elsewhere.
 */
export type Access = 'public' | 'agent' | 'machine' | readonly TokenRole[];

/** What a request shows of who sent it. */
export interface Shown {
  readonly authorization: string | undefined;
  /** What a proof is held against; null where no pass counts. */
  readonly asked: Asked | null;
  /** The handler acts on the instance's row, and looks there whether it is let in. */
  readonly looksItself: boolean;
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
  readonly passKeys: PassKeys;
}

export const LONGEST_CREDENTIAL = 4_096;
const CREDENTIAL = new RegExp(`^Bearer ([!-~]{1,${LONGEST_CREDENTIAL}})$`, 'i');
const PROVEN = new RegExp(
  `^${PASS_SCHEME} (${PASS.source.slice(1, -1)})\\.(\\d{1,12})\\.([A-Za-z0-9_-]{43})$`,
  'i',
);

/** Errors: auth/missing, auth/refused, auth/forbidden, auth/provider-unreachable, auth/cross-site, auth/session-over. */
export async function verifyAccess(
  known: Known,
  access: Access,
  shown: Shown,
  now: EpochMs,
): Promise<Caller> {
  const { db, signIn } = known;
  if (access === 'public' || (access === 'machine' && shown.isLocal)) return { kind: 'nobody' };
  const allowed = access === 'machine' ? (['viewer'] as const) : access;
  if (shown.authorization === undefined && shown.visit !== null && allowed !== 'agent') {
    const person = await findVisitor(db, shown.visit, now);
    verifyRole(person.roles, allowed);
    return { kind: 'person', person };
  }
  if (allowed === 'agent') return verifyAgent(known, shown, now);
  const text = CREDENTIAL.exec(shown.authorization ?? '')?.[1];
  if (text === undefined) throw new FairleadError('auth/missing', { route: shown.route });
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

/** Errors: auth/missing, auth/refused, auth/pass-over, instance/isolated, instance/retired. */
async function verifyAgent({ db, passKeys }: Known, shown: Shown, now: EpochMs): Promise<Caller> {
  const agent = agentIn(shown.authorization ?? '');
  if (agent?.kind === 'signature') {
    const { speaker, asks } = await verifySignature(db, agent.token, now);
    return { kind: 'agent', ...speaker, by: { kind: 'signature', asks } };
  }
  if (agent === null || shown.asked === null) throw new FairleadError('auth/missing', { route: shown.route });
  const speaker = await verifyPass(passKeys, agent, shown.asked, now);
  if (!shown.looksItself) await verifyLetIn(db, speaker);
  return { kind: 'agent', ...speaker, by: { kind: 'pass', digest: shown.asked.digest } };
}

function agentIn(authorization: string): ShownAgent | null {
  const token = CREDENTIAL.exec(authorization)?.[1];
  if (token !== undefined) return { kind: 'signature', token };
  const [, pass, at, proof] = PROVEN.exec(authorization) ?? [];
  if (pass === undefined || at === undefined || proof === undefined) return null;
  return { kind: 'pass', pass, at: Number(at), proof };
}

function verifyRole(held: readonly TokenRole[], allowed: readonly TokenRole[]): void {
  const suffices = (role: TokenRole) =>
    role === 'admin' || allowed.includes('viewer') || allowed.includes(role);
  if (held.some(suffices)) return;
  const role = held.length === 0 ? 'none' : held.join(' and ');
  throw new FairleadError('auth/forbidden', { role, needed: [...allowed, 'admin'].join(' or ') });
}

/** By what the credential says and nothing else. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'person'; readonly person: Person }
  | ({ readonly kind: 'agent'; readonly by: ShownBy } & Speaker);

type ShownBy =
  | { readonly kind: 'signature'; readonly asks: string | null }
  | { readonly kind: 'pass'; readonly digest: string | null };

/** The agent behind a request. */
export function speakerOf(caller: Caller): Speaker {
  if (caller.kind !== 'agent') throw new Error('the route lets agents only in here');
  const { instance, boot, key } = caller;
  return { instance, boot, key };
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

/** What a route says of whoever calls it, and of how much. */
export interface Admission {
  readonly access: Access;
  /** Counted for each instance beside everything that its agent asks. */
  readonly quota?: 'report' | 'heartbeat' | undefined;
}

/** Who asks, let in and counted. Errors: those of `verifyAccess`, request/rate-limited. */
export async function admit(
  known: Known & { readonly quotas: CallerQuotas; readonly now: () => EpochMs },
  { access, quota }: Admission,
  shown: Shown,
): Promise<Caller> {
  const caller = await verifyAccess(known, access, shown, known.now());
  takeQuota(known, caller, { requests: 1 });
  if (quota !== undefined) known.quotas[quota](credentialOf(caller), { requests: 1 });
  return caller;
}

/** Counts a body before anybody looks at it, and holds it against the proof that it came with. Errors: request/rate-limited, auth/refused. */
export function takeBody(known: { readonly quotas: CallerQuotas }, caller: Caller, body: Uint8Array): void {
  takeQuota(known, caller, { bytes: body.length });
  if (caller.kind === 'agent' && caller.by.kind === 'pass') verifyBody(caller.by.digest, body);
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
