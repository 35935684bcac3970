// Logs of installs beside what the server says of them: whether both tell the same of each deployment.
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { verifyLedgerFile } from '../../../shared/node/ledger-files.ts';
import type { FleetDeployment } from '../../../shared/protocol/fleet.ts';
import type { KeptHead } from '../../../shared/protocol/ledger-files.ts';
import type { LedgerEntry, LedgerFound } from '../../../shared/protocol/ledgers.ts';
import { type HeadsReply, headsReply } from '../../../shared/protocol/receipt.ts';
import { EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import { isFinal } from '../../../shared/schema/deployment.ts';
import type { Session } from '../workspace/passphrases.ts';
import { askServer } from './fleet.ts';

/** `both`: plan and end are the same. `server`: the log knows nothing of it. `install`: the server does not. */
export const AGREEMENTS = ['both', 'differs', 'server', 'install'] as const;
export type Agreement = (typeof AGREEMENTS)[number];

interface Logged {
  readonly at: string;
  readonly plan: unknown;
  /** Null while it has not ended. */
  readonly state: unknown;
}

export interface InstallLedger {
  readonly file: string;
  readonly instance: string;
  readonly found: LedgerFound;
  /** By the number of the deployment. */
  readonly deployments: ReadonlyMap<number, Logged>;
}

/** Each held against the heads that the server keeps of it. Errors: vendor/option-invalid, audit/*, file/missing, and those of the server. */
export async function readInstallLedgers(
  session: Session,
  files: readonly string[],
): Promise<ReadonlyMap<string, InstallLedger>> {
  const ledgers = new Map<string, InstallLedger>();
  for (const file of files) {
    const { instance, deployments } = await readInstall(file);
    const heads = await readHeadsOf(session, instance);
    const kept = heads.map((one): KeptHead => ({ ...one, of: 'install', instance, kind: 'head' }));
    const found = await verifyLedgerFile(file, kept, EMPTY_AUDIT);
    ledgers.set(instance, { file, instance, found, deployments });
  }
  return ledgers;
}

/** A server keeps fewer. */
const MOST_HEADS = 1_000;

/** None where the server is of an earlier version, or was never told. */
export function readHeadsOf(session: Session, instance: string): Promise<HeadsReply['heads']> {
  return askServer(session, async (server) => {
    try {
      return (await server.get(`/api/v1/instances/${instance}/heads?limit=${MOST_HEADS}`, headsReply)).heads;
    } catch (error) {
      if (isFairleadError(error, 'vendor/server-refused') && error.data.status === 404) return [];
      throw error;
    }
  });
}

async function readInstall(file: string) {
  const deployments = new Map<number, Logged>();
  let instance: string | null = null;
  const note = ({ kind, event, details, at }: LedgerEntry): void => {
    // An install that moved goes by the id that it was given last.
    if (event === 'enrolled' && typeof details.instance === 'string') instance = details.instance;
    const { change, plan, state } = details;
    if (kind !== 'install' || typeof change !== 'number') return;
    if (event === 'deployment-started') deployments.set(change, { at, plan, state: null });
    const begun = deployments.get(change);
    if (event === 'deployment-ended' && begun !== undefined) deployments.set(change, { ...begun, state });
  };
  await verifyLedgerFile(file, [], EMPTY_AUDIT, note);
  if (instance === null) {
    const form = 'the log of an install that is enrolled, from `fairlead audit export`';
    throw new FairleadError('vendor/option-invalid', { option: '--ledger', value: file, form });
  }
  return { instance: instance as string, deployments };
}

export function agreementOf(
  { record, state }: Pick<FleetDeployment, 'record' | 'state'>,
  { deployments }: InstallLedger,
): Agreement {
  const logged = deployments.get(record.id);
  if (logged === undefined) return 'server';
  const isSame = logged.plan === record.plan && (isFinal(state) ? logged.state === state : true);
  return isSame ? 'both' : 'differs';
}

/** The first head that was kept after the last word about it: from then on nobody can tell it otherwise unnoticed. */
export function sealOf(updated: string, heads: HeadsReply['heads']): HeadsReply['heads'][number] | null {
  return heads.filter(({ at }) => Date.parse(at) >= Date.parse(updated)).at(-1) ?? null;
}
