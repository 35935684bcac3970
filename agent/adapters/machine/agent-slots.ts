// The directory of slots: two executables of the agent, the link to the one that runs, and the link that leads back.
import { chmod, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { toDiskError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { absentOr, isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';
import {
  AGENT_SLOTS,
  type AgentSlot,
  type SlotFacts,
  type SlotNote,
  slotNote,
  TRIAL_STARTS,
  type TrialNote,
  trialNote,
  trialStageOf,
} from '../../core/deploy/agent-slots.ts';
import type { OwnProcess } from '../../ports/machine.ts';
import { copyDurably, digestOfFile } from './file-digest.ts';

/*
 *   agent/                        0755, as is everything in it; root's alone to write
 *     a/fairlead  a/slot.json     an executable, and what it is
 *     b/…
 *     current → a                 what the unit starts
 *     return.3 → b                while a trial runs: one less at every start; what comes after return.0 becomes `current`
 *     trial.json                  what is on trial; read by agents only
 *
 * Names and links are the contract with the unit (docs/reference/supervisor.md): an agent of any version finds them so.
 */
export const EXECUTABLE = 'fairlead';
const CURRENT = 'current';
const NOTE = 'slot.json';
const TRIAL = 'trial.json';
const MODE = 0o755;

export function slotsDirectoryOf(stateDir: string): string {
  return join(stateDir, 'agent');
}

/** What the unit starts. */
export function currentExecutable(stateDir: string): string {
  return join(slotsDirectoryOf(stateDir), CURRENT, EXECUTABLE);
}

/** Counted down from the last: the names of the link that leads back, in the order in which a start looks for them. */
export const WAY_BACK: readonly string[] = Array.from(
  { length: TRIAL_STARTS + 1 },
  (_, left) => `return.${left}`,
);
/** Where a trial begins. */
export const FULL_COUNT = `return.${TRIAL_STARTS}`;

export interface AgentSlots {
  /** Errors: disk/*. What is no link of ours, or cannot be read as a note, counts as absent. */
  read(): Promise<SlotFacts>;
  /** A copy, durable, under the slot's name; answers with its digest. What lay there goes. Errors: disk/*. */
  fill(
    slot: AgentSlot,
    source: string,
    noteOf: (digest: Digest, copy: string) => Promise<SlotNote>,
  ): Promise<void>;
  /** The note alone: who put it there is told anew. */
  label(slot: AgentSlot, note: SlotNote): Promise<void>;
  /** Whether the executable is what its note says. */
  isIntact(slot: AgentSlot): Promise<boolean>;
  /** The way back, then the note, then `current`: each durable before the next. May be repeated. */
  beginTrial(
    turn: { readonly from: AgentSlot; readonly to: AgentSlot },
    trial: TrialNote | null,
  ): Promise<void>;
  /** One rename: the trial is over and `current` leads back. Nothing where no way back stands. */
  goBack(): Promise<void>;
  /** What has proved itself may be started as often again. */
  renew(): Promise<void>;
  /** The way back goes first: a cut in between leaves a trial that was passed. */
  conclude(): Promise<void>;
  /** Where there was nothing: no way back is needed. */
  point(slot: AgentSlot): Promise<void>;
}

export function createAgentSlots(stateDir: string): AgentSlots {
  const directory = slotsDirectoryOf(stateDir);
  const at = (...names: readonly string[]) => join(directory, ...names);
  const settle = () => syncDirectory(directory);
  const on = <T>(act: () => Promise<T>): Promise<T> =>
    act().catch((cause: unknown) => {
      throw toDiskError(directory, cause);
    });

  async function standing(): Promise<{ readonly name: string; readonly slot: AgentSlot } | null> {
    for (const name of WAY_BACK) {
      const slot = await readLink(at(name));
      if (slot !== null) return { name, slot };
    }
    return null;
  }

  async function turn(name: string, slot: AgentSlot): Promise<void> {
    if ((await readLink(at(name))) !== slot) {
      const next = at(`.${name}.tmp`);
      await rm(next, { force: true });
      await symlink(slot, next);
      await rename(next, at(name));
    }
    await settle();
  }

  async function clearWayBack(): Promise<void> {
    for (const name of WAY_BACK) await rm(at(name), { force: true });
    await settle();
  }

  const noteOf = (slot: AgentSlot) => readNote(slotNote, at(slot, NOTE));
  return {
    read: async () => ({
      current: await readLink(at(CURRENT)),
      notes: { a: await noteOf('a'), b: await noteOf('b') },
      wayBack: (await standing())?.slot ?? null,
      trial: await readNote(trialNote, at(TRIAL)),
    }),
    fill: (slot, source, describe) =>
      on(async () => {
        await makeReadable(directory);
        const [next, old] = [at(`.${slot}.tmp`), at(`.${slot}.old.tmp`)];
        for (const path of [next, old]) await rm(path, { recursive: true, force: true });
        await makeReadable(next);
        const copy = join(next, EXECUTABLE);
        const note = await describe(await copyDurably(source, copy, MODE), copy);
        await writeNote(slotNote, join(next, NOTE), note);
        await rename(at(slot), old).catch((cause) => absentOr(at(slot), cause, undefined));
        await rename(next, at(slot));
        await settle();
        await rm(old, { recursive: true, force: true });
      }),
    label: (slot, note) => on(() => writeNote(slotNote, at(slot, NOTE), note)),
    async isIntact(slot) {
      const note = await noteOf(slot);
      return note !== null && (await digestOfFile(at(slot, EXECUTABLE))) === note.digest;
    },
    beginTrial: ({ from, to }, trial) =>
      on(async () => {
        await clearWayBack();
        await turn(FULL_COUNT, from);
        if (trial !== null) await writeNote(trialNote, at(TRIAL), trial);
        await turn(CURRENT, to);
      }),
    goBack: () =>
      on(async () => {
        const found = await standing();
        if (found !== null) await rename(at(found.name), at(CURRENT));
        await settle();
      }),
    renew: () =>
      on(async () => {
        const found = await standing();
        if (found !== null && found.name !== FULL_COUNT) await rename(at(found.name), at(FULL_COUNT));
        await settle();
      }),
    conclude: () =>
      on(async () => {
        await clearWayBack();
        await rm(at(TRIAL), { force: true });
        await settle();
      }),
    point: (slot) => on(() => turn(CURRENT, slot)),
  };
}

/**
 * Slots that went with a removal, and were made anew by an installation, know no component: without it the agent would be taken
 * for none of what was deployed. Errors: disk/*.
 */
export async function nameCurrent(stateDir: string, component: ComponentKey | null): Promise<void> {
  const slots = createAgentSlots(stateDir);
  const { current, notes } = await slots.read();
  const note = current === null ? null : notes[current];
  if (component === null || current === null || note === null || note.component !== null) return;
  await slots.label(current, { ...note, component });
}

/**
 * Whether the agent that starts now has a deployment to conclude, and so to prove itself. What a person or a package put there has
 * none: it stays as soon as one round of it went through.
 */
export async function beginsOnTrial(stateDir: string, own: OwnProcess): Promise<boolean> {
  const slots = createAgentSlots(stateDir);
  const facts = await slots.read();
  if (facts.trial === null && facts.wayBack !== null) {
    void untilRound(own)
      .then(() => slots.conclude())
      // The next start looks again, and has one try less.
      .catch(() => undefined);
  }
  return trialStageOf(facts) === 'open';
}

async function untilRound(own: OwnProcess): Promise<void> {
  while (!own.has('round')) await own.changed();
}

/** Anything else in its place leads nowhere. */
async function readLink(path: string): Promise<AgentSlot | null> {
  const target = await readlink(path).catch(() => null);
  return AGENT_SLOTS.find((slot) => target !== null && slot === basename(target)) ?? null;
}

async function readNote<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
): Promise<z.output<Schema> | null> {
  try {
    const bytes = await readIfPresent(path);
    return bytes === null ? null : parseStored(schema, bytes, path);
  } catch (error) {
    if (isMomentary(error)) throw error;
    return null;
  }
}

async function writeNote<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  note: z.input<Schema>,
): Promise<void> {
  await writeDurably(path, encodeStored(schema, note, path), 0o644);
}

/** Whatever the mask of this process says. */
async function makeReadable(path: string): Promise<void> {
  await makeDirectory(path, MODE);
  await chmod(path, MODE);
}
