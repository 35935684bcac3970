// fairlead doctor about this machine: room on the disk, who may read what is secret, and what the service manager says.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { shellWord } from '../../../shared/errors/entry.ts';
import { isManaged, unitStateOf } from '../../../shared/node/service/manager.ts';
import { AGENT_UNIT } from '../../adapters/machine/agent-unit.ts';
import { networkPathOf } from '../../adapters/server/network.ts';
import { readDiskSpace } from '../../adapters/tree-store/disk-space.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  /** Null when all is well. */
  readonly problem: string | null;
  readonly remedy: string;
}

const LOW_BYTES = 512 * 2 ** 20;
const LOW_INODES = 10_000;
const READ_BY_OTHERS = 0o066;
/** A unit that was restarted as often does not come right by itself. */
const MANY_RESTARTS = 3;

export async function machineFindings(
  stateDir: string,
  isManagedHere = isManaged(),
): Promise<readonly Finding[]> {
  return [
    ...(await diskFindings(stateDir)),
    ...(await permissionFindings(stateDir)),
    ...(isManagedHere ? await managerFindings() : []),
  ];
}

async function diskFindings(stateDir: string): Promise<readonly Finding[]> {
  const path = shellWord(stateDir);
  try {
    const { freeBytes, freeInodes } = await readDiskSpace(stateDir);
    return [
      {
        check: 'the disk has room',
        problem: freeBytes < LOW_BYTES ? `${Math.floor(freeBytes / 2 ** 20)} MiB free` : null,
        remedy: `df -h ${path}`,
      },
      {
        check: 'the disk has room for names (inodes)',
        problem: freeInodes < LOW_INODES ? `${freeInodes} inodes free` : null,
        remedy: `df -i ${path}`,
      },
    ];
  } catch {
    // The directory is the agent's own: an account of its group need not see into it.
    return [{ check: 'the disk has room (not visible to this account)', problem: null, remedy: '' }];
  }
}

/** The directory, and in it what holds a key or a password. */
async function permissionFindings(stateDir: string): Promise<readonly Finding[]> {
  const own = process.getuid?.() ?? 0;
  const secrets = [networkPathOf(stateDir), join(stateDir, 'identity.json')];
  const looked = await Promise.all(
    [stateDir, ...secrets].map(async (path) => {
      const seen = await stat(path).catch(() => null);
      if (seen === null) return null;
      const { uid, mode } = seen;
      if (uid !== own && own === 0) {
        return { path, problem: 'belongs to another account', remedy: `chown root:root ${shellWord(path)}` };
      }
      if ((mode & READ_BY_OTHERS) === 0) return null;
      const fix = path === stateDir ? 'chmod 700' : 'chmod 600';
      return { path, problem: 'may be read by other accounts', remedy: `${fix} ${shellWord(path)}` };
    }),
  );
  const wrong = looked.filter((one) => one !== null);
  return [
    {
      check: 'the state is the agent’s own',
      problem: wrong.map(({ path, problem }) => `${path} ${problem}`).join('; ') || null,
      remedy: wrong.map(({ remedy }) => remedy).join('; '),
    },
  ];
}

async function managerFindings(): Promise<readonly Finding[]> {
  const unit = await unitStateOf(AGENT_UNIT);
  if (unit === null || unit.load === 'not-found') {
    const check = 'the service manager starts the agent at boot';
    return [{ check, problem: 'it knows no such unit', remedy: 'fairlead agent install' }];
  }
  return [
    {
      check: 'the service manager starts the agent at boot',
      problem: unit.file === 'enabled' ? null : `the unit is ${unit.file || 'not enabled'}`,
      remedy: `systemctl enable ${AGENT_UNIT}`,
    },
    {
      check: 'the agent ends only when it is told to',
      problem:
        unit.restarts >= MANY_RESTARTS || unit.active === 'failed'
          ? `it was started again ${unit.restarts} times, and is ${unit.active}`
          : null,
      remedy: `journalctl -u ${AGENT_UNIT} -n 50`,
    },
  ];
}
