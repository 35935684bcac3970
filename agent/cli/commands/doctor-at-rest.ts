// fairlead doctor where no agent runs: what keeps it from running, and whether it would reach its server if it did.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { ownProgram } from '../../../shared/node/own-parts.ts';
import { describeProxy } from '../../../shared/node/proxies.ts';
import { readTextIfPresent } from '../../../shared/node/read-file.ts';
import { UNIT_DIRECTORY } from '../../../shared/node/service/manager.ts';
import { AGENT_UNIT, driversIn, renderAgentUnit, startCommand } from '../../adapters/machine/agent-unit.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { createHttpClient } from '../../adapters/server/http-client.ts';
import { readNetwork } from '../../adapters/server/network.ts';
import { EXCHANGE_LIMITS } from '../../adapters/server/watch.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  /** Null when all is well. */
  readonly problem: string | null;
  readonly remedy: string;
}

const MAX_TIMESTAMP_BYTES = 64 << 10;
const READ_BY_OTHERS = 0o066;

/** Nothing is written. Error: enrolment/missing. */
export async function lookWithoutAgent(
  stateDir: string,
  unitDirectory = UNIT_DIRECTORY,
): Promise<readonly Finding[]> {
  const enrolment = await readEnrolment(stateDir);
  if (enrolment === null) throw new FairleadError('enrolment/missing', { stateDir });
  return [
    { check: 'the agent answers', problem: 'it is not running', remedy: startCommand(stateDir) },
    await unitFinding(stateDir, join(unitDirectory, AGENT_UNIT)),
    await stateFinding(stateDir),
    await serverFinding(stateDir, enrolment.server),
  ];
}

/** An older program wrote it, or somebody edited it in place: what was added by a drop-in is left alone. */
async function unitFinding(stateDir: string, path: string): Promise<Finding> {
  const finding = { check: 'the unit is what this program writes', remedy: 'fairlead agent install' };
  const unit = await readTextIfPresent(path);
  if (unit === null) return { ...finding, problem: 'there is none' };
  const program = ownProgram('agent/cli/main.ts');
  const isSame = unit === renderAgentUnit({ program, stateDir, drivers: driversIn(unit) });
  return { ...finding, problem: isSame ? null : `${path} says something else` };
}

async function stateFinding(stateDir: string): Promise<Finding> {
  const { uid, mode } = await stat(stateDir);
  const own = process.getuid?.() ?? 0;
  const problem =
    uid !== own && own === 0
      ? 'it belongs to another account'
      : (mode & READ_BY_OTHERS) !== 0
        ? 'other accounts may read it'
        : null;
  const fix = uid !== own ? 'chown root:root' : 'chmod 700';
  return { check: 'the state is the agent’s own', problem, remedy: `${fix} ${shellWord(stateDir)}` };
}

/** By the very way that the agent would go. */
async function serverFinding(stateDir: string, server: string): Promise<Finding> {
  const network = await readNetwork(stateDir, process.env);
  const proxy = describeProxy(network.proxies, server);
  const check = `the server answers, ${proxy === null ? 'asked without a proxy' : `through ${proxy}`}`;
  const http = createHttpClient(EXCHANGE_LIMITS, network);
  try {
    const url = `${server}/repository/metadata/timestamp.json`;
    const { kind } = await http.get(url, { maxBytes: MAX_TIMESTAMP_BYTES });
    const remedy = 'ask the vendor: the address is its server’s, and no signed data is there';
    return { check, problem: kind === 'missing' ? `it has no ${url}` : null, remedy };
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return { check, problem: error.message, remedy: error.hint };
  } finally {
    await http.close();
  }
}
