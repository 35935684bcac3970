// The two slots the agent runs from: what lies on the disk at a moment, what that means, and which act comes next.
import { z } from 'zod';
import { assertNever } from '../../../shared/errors/error.ts';
import type { SlotsState } from '../../../shared/protocol/upkeep.ts';
import { componentKey, digest, instant, line } from '../../../shared/schema/common.ts';
import { compareVersions, isVersion } from '../../../shared/version/version.ts';

export const AGENT_SLOTS = ['a', 'b'] as const;
export type AgentSlot = (typeof AGENT_SLOTS)[number];

/** So often the service manager starts what is on trial; the start after that is the way back's. */
export const TRIAL_STARTS = 3;

const agentSlot = z.enum(AGENT_SLOTS);

/** Beside the executable in its slot: what it is, and how it came there. */
export const slotNote = z.strictObject({
  schema: z.literal('fairlead/agent-slot@1'),
  version: line,
  digest,
  /** The capability that the agent is here; null where none has ever put one. */
  component: componentKey.nullable(),
  /** Of the unit that a deployment put there; null for what a person or a package installed. */
  identity: z.string().nullable(),
});
export type SlotNote = z.output<typeof slotNote>;

/** A new agent that has not proved itself. Written by the one before it, for whichever of the two concludes it. */
export const trialNote = z.strictObject({
  schema: z.literal('fairlead/agent-trial@1'),
  component: componentKey,
  identity: z.string(),
  slot: agentSlot,
  from: agentSlot,
  began: instant,
  /** The one before had reached its server: then so must this one. */
  needsServer: z.boolean(),
  /** How many state files the one before could not read either; null where it had not looked. */
  damages: z.int().min(0).nullable(),
});
export type TrialNote = z.output<typeof trialNote>;

/** What stands below the directory of slots. */
export interface SlotFacts {
  readonly current: AgentSlot | null;
  readonly notes: Readonly<Record<AgentSlot, SlotNote | null>>;
  /** The link that the service manager counts down and, at its end, turns into `current`. */
  readonly wayBack: AgentSlot | null;
  readonly trial: TrialNote | null;
}

export type TrialStage =
  /** No trial, or one that was concluded and leaves a note behind. */
  | 'none'
  /** The way back is prepared, and `current` has not turned yet. */
  | 'prepared'
  /** `current` has turned, and the way back stands. */
  | 'open'
  /** The way back was taken: by the service manager, or by whoever was on trial. */
  | 'returned';

/**
 * The order of the writes makes this readable after any cut: way back, note, `current`; and at the end the way back first.
 * Taking the way back is one rename, which ends the trial and turns `current` at once.
 */
export function trialStageOf({ current, wayBack, trial }: SlotFacts): TrialStage {
  if (trial === null) return 'none';
  if (wayBack === null) return current === trial.slot ? 'none' : 'returned';
  return current === trial.slot ? 'open' : 'prepared';
}

export function otherAgentSlot(slot: AgentSlot): AgentSlot {
  return slot === 'a' ? 'b' : 'a';
}

/** Which unit, by the component and the identity that a deployment gives it. */
export interface OwnUnit {
  readonly component: string;
  readonly identity: string;
}

/** True where exactly this unit is current, or what a person put in its place: that stays until the next deployment of it. */
export function runsOwn({ current, notes }: SlotFacts, unit: OwnUnit): boolean {
  const note = current === null ? null : notes[current];
  if (note === null || note.component !== unit.component) return false;
  return note.identity === null || note.identity === unit.identity;
}

export type OwnStart =
  /** It is on trial, or was proved before: what is left is to wait for its proof. */
  | { readonly kind: 'prove'; readonly slot: AgentSlot }
  | { readonly kind: 'switch'; readonly from: AgentSlot; readonly to: AgentSlot }
  /** What the preflight put there is gone, with slots that were removed and made anew meanwhile: it is put there again. */
  | { readonly kind: 'fill'; readonly from: AgentSlot; readonly to: AgentSlot }
  /** It was tried, and the way back was taken. */
  | { readonly kind: 'returned' }
  | { readonly kind: 'missing' };

/** What starting this unit takes, whatever a crash has left of an earlier attempt. */
export function planOwnStart(slots: SlotFacts, unit: OwnUnit): OwnStart {
  const { current, notes, trial } = slots;
  if (current === null) return { kind: 'missing' };
  if (isOf(notes[current], unit)) return { kind: 'prove', slot: current };
  const isTried = trial !== null && trial.identity === unit.identity && trial.component === unit.component;
  if (isTried && trialStageOf(slots) === 'returned') return { kind: 'returned' };
  const to = otherAgentSlot(current);
  if (isOf(notes[to], unit)) return { kind: 'switch', from: current, to };
  return { kind: 'fill', from: current, to };
}

function isOf(note: SlotNote | null, { component, identity }: OwnUnit): boolean {
  return note !== null && note.component === component && note.identity === identity;
}

/** What a new agent has shown of itself. */
export type Shown =
  /** The admin socket answers. */
  | 'socket'
  /** Everything on disk was read and a decision made of it. */
  | 'round'
  /** The server answered, and what it said was believed. */
  | 'server'
  /** Its own unfinished deployment was read and taken up. */
  | 'deployment'
  /** Every state file that the one before could read. */
  | 'state';

/**
 * Where the one before had reached the server, so must this one: else an agent that cannot would be cut off from its own fix.
 * Where it had not, the server is away, and no reason to go back.
 */
export function proofOf({ needsServer }: Pick<TrialNote, 'needsServer'>): readonly Shown[] {
  const always = ['deployment', 'socket', 'round', 'state'] as const;
  return needsServer ? [...always, 'server'] : always;
}

export function describeMissing(shown: Shown): string {
  switch (shown) {
    case 'socket':
      return 'its admin socket did not answer';
    case 'round':
      return 'no round went through';
    case 'server':
      return 'it did not reach the server, which the agent before it had reached';
    case 'deployment':
      return 'it did not take up its own deployment';
    case 'state':
      return 'it could not read state that the agent before it could read';
    default:
      return assertNever(shown);
  }
}

export interface OfferedAgent {
  readonly version: string;
  readonly digest: string;
}

export type OwnInstallation =
  /** Into this slot, which is then current; `from` is where there is a way back to. */
  | { readonly kind: 'fill'; readonly slot: AgentSlot; readonly from: AgentSlot | null }
  /** What is current is this very executable. */
  | { readonly kind: 'same' }
  /** What is current is newer, or this version as the vendor deployed it here. */
  | { readonly kind: 'stays'; readonly version: string }
  /** Both slots are in use. */
  | { readonly kind: 'on-trial' };

/** What becomes of an executable that a person or a package brings; `isIntact` is whether the current one is what it was. */
export function planOwnInstallation(
  { current, notes, wayBack }: SlotFacts,
  { version, digest: offered }: OfferedAgent,
  isIntact: boolean,
): OwnInstallation {
  const known = current === null ? null : notes[current];
  if (isIntact && known?.digest === offered) return { kind: 'same' };
  if (wayBack !== null) return { kind: 'on-trial' };
  if (current === null) return { kind: 'fill', slot: 'a', from: null };
  const fill = { kind: 'fill', slot: otherAgentSlot(current), from: current } as const;
  if (known === null || !isIntact) return { ...fill, from: null };
  const age = isVersion(known.version) && isVersion(version) ? compareVersions(known.version, version) : -1;
  return age > 0 || (age === 0 && known.identity !== null) ? { kind: 'stays', version: known.version } : fill;
}

/** As `status` tells it; nothing where the agent has no slots. */
export function describeSlots(facts: SlotFacts): { slots?: SlotsState } {
  const { current, notes, trial } = facts;
  if (current === null) return {};
  const versions = { a: notes.a?.version ?? null, b: notes.b?.version ?? null };
  const isOpen = trial !== null && trialStageOf(facts) === 'open';
  const told = isOpen ? { component: trial.component, since: trial.began, from: trial.from } : null;
  return { slots: { current, versions, trial: told } };
}
