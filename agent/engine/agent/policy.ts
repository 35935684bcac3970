// The local policy through the socket: shown, tried, and changed one edit at a time, on the record before it counts.
import { findPinProblem, type KnownVersions, knownVersions } from '../../../shared/compile/pin-report.ts';
import { formatPin } from '../../../shared/compile/pins.ts';
import { indexReleases } from '../../../shared/compile/release-index.ts';
import { runningChoices } from '../../../shared/compile/running.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import { verifyHold } from '../../../shared/policy/hold-receipt.ts';
import { findStale, findUnsatisfiable } from '../../../shared/policy/satisfiable.ts';
import { nextOpenings } from '../../../shared/policy/windows.ts';
import type { PolicyEdit, PolicyReply, PolicyRequest } from '../../../shared/protocol/admin-policy.ts';
import type { Opening } from '../../../shared/protocol/upkeep.ts';
import { DEFAULT_POLICY, type Policy } from '../../../shared/schema/policy.ts';
import { diffPolicies, editPolicy } from '../../core/policy-edit.ts';
import { type Assessing, readCurrent } from './assess.ts';
import type { Needs } from './state.ts';

export async function readPolicy(
  state: Needs<'choice' | 'clock' | 'deployer' | 'offers' | 'self'>,
): Promise<PolicyReply> {
  const known = await state.choice.settings.policy();
  return known.kind === 'readable'
    ? withPinProblems(await describe(state, known.policy, []), known.policy, await versionsFor(state))
    : { ...(await describe(state, DEFAULT_POLICY, [])), policy: null, problem: known.problem, openings: [] };
}

/** Errors: policy/*, document/invalid, audit/damaged, disk/*. */
export async function changePolicy(
  state: Assessing & Needs<'records' | 'wake'>,
  { edit, reason, preview }: PolicyRequest,
  actor: string,
): Promise<PolicyReply> {
  const author = { by: actor, reason, at: state.clock.now(), soakMs: state.self.soakMs };
  const known = await state.choice.settings.policy();
  const before = known.kind === 'readable' ? known.policy : DEFAULT_POLICY;
  verifyAuthority(state, before, edit);
  // Tried before it is recorded: the log holds changes, not mistakes.
  const tried =
    known.kind === 'readable'
      ? await inPieces(editPolicy(known.policy, edit, author, await versionsFor(state)))
      : before;
  if (preview) return await describe(state, tried, diffPolicies(before, tried));
  const details = { ...describeEdit(edit), reason };
  const policy = await state.choice.settings.edit(
    (current) => inPieces(editPolicy(current, edit, author)),
    (from, to) =>
      state.records.ledger.recordEdit(from ?? DEFAULT_POLICY, to, {
        event: 'policy-changed',
        actor,
        details,
      }),
  );
  state.wake();
  return await describe(state, policy, diffPolicies(before, policy));
}

/** Pins that were there before what they named was misspelt or taken away: to be tidied, and said. */
function withPinProblems(reply: PolicyReply, { pins }: Policy, versions: KnownVersions): PolicyReply {
  const vain = pins.flatMap((pin) => {
    const problem = findPinProblem(pin, versions);
    return problem === null ? [] : [`the pin ${formatPin(pin)} is in vain: ${problem}`];
  });
  return { ...reply, stale: [...reply.stale, ...vain] };
}

/** What the vendor has released and what runs here: a pin of anything else is a slip. */
async function versionsFor(state: Needs<'deployer' | 'offers'>): Promise<KnownVersions> {
  const index = await inPieces(indexReleases(state.offers.contact.catalog().releases));
  // Where nobody knows what runs, a hold or a pin may be needed all the more.
  const { generation } = await readCurrent(state.deployer);
  return knownVersions({ index, running: runningChoices(generation, index) });
}

/** A line of the log is short: of a signature the signer's key says enough. */
function describeEdit(edit: PolicyEdit): { readonly edit: string; readonly signer?: string } {
  if (edit.kind !== 'hold' || edit.signed === undefined) return { edit: JSON.stringify(edit) };
  const { signed, ...rest } = edit;
  return { edit: JSON.stringify(rest), signer: signed.key };
}

/** Break-glass suspends the vendor's fixes: where approvers have keys, the socket alone is not enough for that. */
function verifyAuthority(
  state: Needs<'clock' | 'self'>,
  { approvals: rules }: Policy,
  edit: PolicyEdit,
): void {
  if (edit.kind !== 'hold' || !edit.emergency || rules.approvers.length === 0) return;
  verifyHold(edit.signed, edit.until, { rules, instance: state.self.instance.id, now: state.clock.now() });
}

async function describe(
  { clock, self }: Needs<'clock' | 'self'>,
  policy: Policy,
  changes: string[],
): Promise<PolicyReply> {
  const now = clock.now();
  return {
    schema: 'fairlead/policy-reply@1',
    policy,
    problem: null,
    changes,
    unsatisfiable: [...(await inPieces(findUnsatisfiable(policy, now, self.soakMs)))],
    stale: [...findStale(policy, now)],
    openings: await describeOpenings(policy, now),
  };
}

const SHOWN = 3;

export async function describeOpenings(
  { windows }: Pick<Policy, 'windows'>,
  from: EpochMs,
): Promise<Opening[]> {
  const openings = await inPieces(nextOpenings(windows, from, SHOWN));
  return openings.map(({ opens, closes }) => ({
    opens: formatInstant(opens),
    closes: closes === null ? null : formatInstant(closes),
  }));
}
