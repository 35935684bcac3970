// An agent in slots without a machine: its directory, its trees, and starts as the unit makes them, by the unit's own commands.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAgentDriver } from '../../agent/adapters/drivers/agent/agent-driver.ts';
import { createAgentSlots, slotsDirectoryOf, WAY_BACK } from '../../agent/adapters/machine/agent-slots.ts';
import { supervisorCommands } from '../../agent/adapters/machine/agent-unit.ts';
import { createOwnProcess, SUPERVISOR_VARIABLE } from '../../agent/adapters/machine/own-process.ts';
import type { UnitOf } from '../../agent/ports/deploy.ts';
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { treeIndexBytes } from '../../shared/tree/tree-index.ts';
import { temporaryDirectory } from './directories.ts';
import { createFakeClock } from './fake-clock.ts';

export const OWN = 'fairlead/agent' as ComponentKey;

/** A tree as the store keeps it, with one program that says what it is. */
export function agentUnit(stateDir: string, version: string, component = OWN): UnitOf<'agent'> {
  const program = Buffer.from(`#!/bin/sh\necho ${version}\n`);
  const index = treeIndexBytes({
    entries: [
      { kind: 'file', path: 'fairlead', mode: 0o755, size: program.length, digest: digestOf(program) },
    ],
  });
  const tree = join(stateDir, 'store/trees', hexOf(digestOf(index)));
  mkdirSync(join(tree, 'files'), { recursive: true });
  writeFileSync(join(tree, 'index.json'), index);
  if (!existsSync(join(tree, 'files/fairlead'))) {
    writeFileSync(join(tree, 'files/fairlead'), program, { mode: 0o755 });
  }
  return {
    kind: 'agent',
    exec: ['./fairlead'],
    component,
    env: {},
    user: null,
    workingDirectory: join(tree, 'files'),
    dataDirectory: join(stateDir, 'data', component),
    stopTimeoutMs: 1000,
    identity: `identity of ${version}`,
  };
}

/** As `agent install` leaves a machine where there was nothing: version 1.0.0 in slot a, put there by a person. */
export async function createSlottedAgent() {
  const stateDir = temporaryDirectory();
  const slots = createAgentSlots(stateDir);
  const source = join(stateDir, 'source');
  writeFileSync(source, '#!/bin/sh\necho 1.0.0\n', { mode: 0o755 });
  await slots.fill('a', source, async (digest) => ({
    schema: 'fairlead/agent-slot@1',
    version: '1.0.0',
    digest,
    component: null,
    identity: null,
  }));
  await slots.point('a');
  const clock = createFakeClock();
  return {
    stateDir,
    slots,
    clock,
    unit: (version: string, component = OWN) => agentUnit(stateDir, version, component),
    /** What the unit does before it starts the program. */
    supervise() {
      for (const [left, name] of WAY_BACK.entries()) {
        const at = (one: string) => join(slotsDirectoryOf(stateDir), one);
        if (existsSync(at(name))) {
          renameSync(at(name), at(WAY_BACK[left - 1] ?? 'current'));
        }
      }
    },
    /** The same by the words of the unit itself; answers with what they said. */
    superviseAsTheUnit(): string {
      return supervisorCommands(stateDir)
        .map(([program = '', ...words]) => spawnSync(program, words, { encoding: 'utf8' }))
        .map(({ stdout, stderr }) => stdout + stderr)
        .join('');
    },
    /** The next process: the unit's commands, then an agent of whatever is current. */
    start(environment: Record<string, string> = { [SUPERVISOR_VARIABLE]: '1' }) {
      this.supervise();
      const own = createOwnProcess(environment);
      return { own, driver: createAgentDriver({ slots, own, clock }) };
    },
    /** What the unit would start now. */
    current: () =>
      readFileSync(join(slotsDirectoryOf(stateDir), 'current/fairlead'), 'utf8')
        .slice(15)
        .trim(),
    link: () => readlinkSync(join(slotsDirectoryOf(stateDir), 'current')),
  };
}

export type SlottedAgent = Awaited<ReturnType<typeof createSlottedAgent>>;

/** Everything that a sound agent shows, as soon as it runs. */
export function showAll(own: ReturnType<SlottedAgent['start']>['own'], damages = 0): void {
  own.note('socket');
  own.noteRound({ reached: true, damages: async () => damages });
}
