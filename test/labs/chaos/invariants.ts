// What must hold when the story is over, however often its programs were killed.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SERVICE_MARKER } from '../../../agent/adapters/drivers/service-processes.ts';
import { readVariable } from '../../../agent/adapters/machine/process-table.ts';
import { systemClock } from '../../../agent/adapters/machine/surroundings.ts';
import { createAuditFile } from '../../../agent/adapters/state/audit-file.ts';
import { readAudit } from '../../../server/vendor/workspace/audit.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { auditReply } from '../../../shared/protocol/fleet.ts';
import { processesOf } from '../demo/leftovers.ts';
import type { Stage } from '../demo/stage.ts';
import { DemoFailure } from '../demo/terminal.ts';

const TEMPORARY = /\.tmp(?:-[0-9a-f]+)?$/;

/** Sentences for a person; none is the promise. The agent and the server run. */
export async function findProblems(stage: Stage): Promise<readonly string[]> {
  return [
    ...(await versionProblems(stage)),
    ...(await processProblems(stage)),
    ...(await auditProblems(stage)),
    ...(await commandProblems(stage)),
    ...(await fileProblems(stage.directory)),
  ];
}

async function versionProblems(stage: Stage): Promise<readonly string[]> {
  const { editor, registry } = stage.edition;
  const { components, unsentReports } = await stage.status();
  const found = components.map(({ component, version, health }) => `${component} ${version} ${health}`);
  const wanted = [
    `${registry.component} ${registry.second} healthy`,
    `${editor.component} ${editor.ordinary} healthy`,
  ];
  const unended = (await stage.changes()).filter(
    ({ state }) => !['committed', 'rolled-back', 'abandoned'].includes(state),
  );
  return [
    ...(found.sort().join() === wanted.sort().join() ? [] : [`runs ${found}, not ${wanted}`]),
    ...unended.map(({ id, state }) => `change ${id} is ${state}`),
    ...(unsentReports === 0 ? [] : [`${unsentReports} reports are not sent`]),
  ];
}

/** One leader for each component that is current, and it is the one the agent knows. */
async function processProblems(stage: Stage): Promise<readonly string[]> {
  const { components } = await stage.status();
  const known = components.map(({ service }) => Number(/pid (\d+)/.exec(service)?.[1]));
  const problems: string[] = [];
  for (const { pid, session } of await processesOf(stage.directory)) {
    const service = await readVariable(pid, SERVICE_MARKER);
    if (service !== null && !known.includes(session))
      problems.push(`process ${pid} is an orphan: ${service}`);
  }
  return problems;
}

async function auditProblems(stage: Stage): Promise<readonly string[]> {
  const { directory } = stage;
  const checks: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['agent', () => createAuditFile(join(directory, 'agent'), systemClock).entries()],
    ['vendor', () => readAudit(join(directory, 'vendor'))],
    ['server', () => verifyServerAudit(stage)],
  ];
  const problems: string[] = [];
  for (const [whose, verify] of checks) {
    try {
      await verify();
    } catch (error) {
      if (!isFairleadError(error) && !(error instanceof DemoFailure)) throw error;
      problems.push(`the ${whose}'s audit log: ${error.message}`);
    }
  }
  return problems;
}

async function verifyServerAudit(stage: Stage): Promise<void> {
  const { entries } = auditReply.parse(await stage.readServer('/api/v1/audit?limit=1000'));
  let previous: string | null = null;
  for (const { digest, ...entry } of entries) {
    if (entry.previous !== previous || digestOfValue(entry as JsonObject) !== digest) {
      throw new DemoFailure(`entry ${entry.sequence} does not continue the chain`);
    }
    previous = digest;
  }
}

async function commandProblems({ terminal }: Stage): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const argv of [
    ['fairlead', 'verify'],
    ['fairlead-vendor', 'status'],
  ]) {
    try {
      await terminal.run(argv);
    } catch (error) {
      if (!(error instanceof DemoFailure)) throw error;
      problems.push(error.message);
    }
  }
  return problems;
}

/** Nothing half-written is left, and no journal of a deployment that has ended. */
async function fileProblems(directory: string): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const owner of ['agent', 'server', 'vendor']) {
    const entries = await readdir(join(directory, owner), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (TEMPORARY.test(entry.name) || entry.name.endsWith('.journal'))
        problems.push(`${path} is left behind`);
    }
  }
  const building = await readdir(join(directory, 'agent', 'store', 'tmp'));
  return [...problems, ...building.map((name) => `agent/store/tmp/${name} is left behind`)];
}
