// `sign` adds one person's signatures to what waits for a quorum; `renew` signs roles again before they expire.
import { type FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { OFFLINE_ROLES, type OfflineRole, RENEW_BEFORE_MS } from '../../core/roles.ts';
import { auditAct } from '../../workspace/audit.ts';
import { readPending, removePending, requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { renewRole, type SigningResult, signPending } from '../../workspace/signing.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import { conclude } from '../conclude.ts';
import { followServerHalts } from '../publish.ts';

interface SignOptions {
  readonly discard?: boolean;
}

export async function sign(session: Session, { discard = false }: SignOptions): Promise<void> {
  await openWorkspace(session.directory);
  const signed: SigningResult[] = [];
  const discarded: OfflineRole[] = [];
  let refusal: FairleadError | null = null;
  // In the order in which roles vouch for one another: a new key may sign only once its delegator names it.
  for (const role of OFFLINE_ROLES) {
    const pending = await readPending(session.directory, role);
    if (pending === null) continue;
    if (discard) {
      await auditAct(session, 'sign discard', role, { version: String(pending.version) });
      await removePending(session.directory, role);
      discarded.push(role);
      continue;
    }
    try {
      signed.push(await signPending(session, pending));
    } catch (error) {
      if (!isFairleadError(error, 'vendor/no-key')) throw error;
      refusal ??= error;
    }
  }
  if (signed.length === 0 && refusal !== null) throw refusal;
  const { lines, document } = await conclude(session, signed);
  const nothing = signed.length + discarded.length === 0 ? ['nothing waits for signatures'] : [];
  const given = discarded.map((role) => `gave up what waited for ${role}`);
  session.out.result('sign', [...nothing, ...given, ...lines], { discarded, ...document });
}

export async function renew(session: Session, named: readonly OfflineRole[]): Promise<void> {
  await openWorkspace(session.directory);
  await followServerHalts(session);
  const signed: SigningResult[] = [];
  for (const role of OFFLINE_ROLES) {
    const newest = await requireNewest(session.directory, role);
    const isDue = newest.expires - session.now() < RENEW_BEFORE_MS;
    if (named.length === 0 ? !isDue : !named.includes(role)) continue;
    signed.push(await renewRole(session, role, { action: 'renew', subject: role }));
  }
  const { lines, document } = await conclude(session, signed);
  session.out.result(
    'renew',
    signed.length === 0 ? ['no role expires within 30 days', ...lines] : lines,
    document,
  );
}
