// An engine's volumes in memory: they outlive the agent, and what was filled and never flushed a power cut takes in part.
import { readFile } from 'node:fs/promises';
import type { VolumeEngine } from '../../../agent/adapters/drivers/compose/volume-copies.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { mount } from '../../support/crash-mount.ts';
import { codeOf } from '../../support/crash-paths.ts';
import { ENGINE } from './lives.ts';

/** Of every project: what is half put back differs between them. */
const NAMES = ['data', 'files'] as const;

interface Piece {
  readonly text: string;
  readonly isFlushed: boolean;
}

export interface VolumeDisk {
  readonly engine: VolumeEngine;
  /** What stands in the volumes of a component; each of them, where they do not hold the same. */
  dataOf(component: ComponentKey): string;
  /** What a service writes, and flushes. */
  append(component: ComponentKey, text: string): void;
  cutPower(random: () => number): void;
}

export function createVolumeDisk(): VolumeDisk {
  let volumes = new Map<string, readonly Piece[]>();
  const textOf = (name: string) => (volumes.get(name) ?? []).map(({ text }) => text).join('');
  const add = (name: string, text: string, isFlushed: boolean) =>
    void volumes.set(name, [...(volumes.get(name) ?? []), { text, isFlushed }]);

  const engine: VolumeEngine = {
    partsOf: async ({ component }) => ({ names: namesOf(component), unmounted: [] }),
    find: async (name) => (volumes.has(name) ? { name, labels: {} } : null),
    sizes: async () => new Map(),
    verifyRestores: async () => undefined,
    verifyUnshared: async () => undefined,
    copyOut: (_unit, name, to) =>
      asked('cp', async (step) => {
        const text = textOf(name);
        const half = text.length >> 1;
        step();
        await to.writeFile(text.slice(0, half));
        step();
        await to.writeFile(text.slice(half));
      }),
    remove: (_unit, name) =>
      asked('volume rm', async (step) => {
        step();
        volumes.delete(name);
      }),
    filler:
      async () =>
      ({ name }, archive) =>
        asked('volume create', async (step) => {
          step();
          volumes.set(name, []);
          const text = await readFile(archive, 'utf8');
          const half = text.length >> 1;
          for (const part of [text.slice(0, half), text.slice(half)]) {
            step();
            add(name, part, false);
          }
          step();
          volumes.set(name, [{ text, isFlushed: true }]);
        }),
    tidy: async () => undefined,
  };

  return {
    engine,
    dataOf(component) {
      return [...new Set(namesOf(component).map(textOf))].join(' | ');
    },
    append(component, text) {
      for (const name of namesOf(component)) add(name, text, true);
    },
    cutPower(random) {
      const survives = ({ isFlushed }: Piece) => isFlushed || random() < 0.5;
      volumes = new Map(
        [...volumes].map(([name, pieces]) => [
          name,
          pieces.filter(survives).map(({ text }) => ({ text, isFlushed: true })),
        ]),
      );
    },
  };
}

function namesOf(component: ComponentKey): readonly string[] {
  return NAMES.map((name) => `${component.replace('/', '_')}_${name}`);
}

/** Each step of a command may be the one at which it fails, or at which the agent that gave it dies. */
async function asked(command: string, act: (step: () => void) => Promise<void>): Promise<void> {
  try {
    await act(() => mount.before(command, ENGINE));
  } catch (error) {
    const problem = codeOf(error);
    if (problem === null) throw error;
    throw new FairleadError('service/manager-failed', { manager: 'docker', problem }, { cause: error });
  }
}
