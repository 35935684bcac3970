// Attacks on the wall clock of the agent alone, through Debian's libfaketime: set far ahead or back while a deployment runs.
import { globSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import { type Attack, reaches } from './attack.ts';

const [LIBRARY] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
const SHIFT = join(tmpdir(), `fairlead-siege-clock-${process.pid}`);
const STATES: readonly DeploymentState[] = ['fetching', 'starting', 'verifying', 'soaking'];

/** None where the library is missing. */
export const attacksOnClock: readonly Attack[] =
  LIBRARY === undefined
    ? []
    : [
        ...STATES.flatMap((state) => ['+10y', '-10y'].map((shift) => setWhile(state, shift, LIBRARY))),
        unsteady(LIBRARY),
      ];

function setWhile(state: DeploymentState, shift: string, library: string): Attack {
  return {
    ...underFakeClock(library),
    name: `the clock set by ${shift} while ${state}`,
    async strike(fort) {
      await reaches(fort, state);
      await setClock(shift);
    },
    lift: () => setClock('+0'),
  };
}

function unsteady(library: string): Attack {
  return {
    ...underFakeClock(library),
    name: 'a clock that goes ten years ahead and back ten times a second',
    async strike() {
      for (let step = 0; step < 100; step++) {
        await setClock(step % 2 === 0 ? '+10y' : '+0');
        await delay(100);
      }
    },
    lift: () => setClock('+0'),
  };
}

/** The library reads the file at every look at the clock; what the agent starts does not inherit it. */
function underFakeClock(library: string): Pick<Attack, 'prepare' | 'start'> {
  const settings = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: SHIFT,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return { prepare: () => setClock('+0'), start: { under: ['env', ...words] } };
}

/** As libfaketime writes it: `+10y`, `-10y`. */
function setClock(shift: string): Promise<void> {
  return writeFile(SHIFT, `${shift}\n`);
}
