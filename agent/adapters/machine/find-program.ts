// Finding a program as the system would, and whether the system would run it: for whom, and by what interpreter.
import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { ProgramCall } from '../../core/deploy/program-calls.ts';
import type { FindProgram } from '../../ports/machine.ts';
import { type Account, recallAccount } from './account.ts';
import { parseProgramHead } from './program-head.ts';
import { runTool } from './run-tool.ts';
import { toolEnvironment } from './surroundings.ts';

const HEAD_BYTES = 4096;
const TEST_MS = 10_000;

export const findProgram: FindProgram = async (call) => {
  const refuse = (problem: string): never => {
    throw new FairleadError('service/not-runnable', { program: call.program, problem });
  };
  const account = await recallAccount(call.user, call.program).catch((cause: unknown) =>
    refuse(isFairleadError(cause, 'service/start-failed') ? cause.data.problem : `its account ${call.user}`),
  );
  const path = await locate(call);
  if (!(await mayRun(path, account))) refuse(`the account "${call.user}" may not run ${path}`);
  const head = await readHead(path);
  const wanted = head === null ? null : parseProgramHead(head, process.arch);
  if (wanted === null) return;
  if (wanted.kind === 'foreign')
    return refuse(`it is made for ${wanted.machine}, and this machine is ${process.arch}`);
  if (!(await isExecutable(wanted.path))) {
    return refuse(`it asks for ${JSON.stringify(wanted.path)}, which is not there`);
  }
  if (wanted.name === null) return;
  // `#!/usr/bin/env NAME`: the program behind it is looked for once more.
  await locate({ ...call, program: wanted.name }).catch(() =>
    refuse(`it asks for ${JSON.stringify(wanted.name)}, which is not there`),
  );
};

async function locate({ program, workingDirectory, path }: ProgramCall): Promise<string> {
  const searched = (path ?? process.env.PATH ?? '').split(delimiter);
  const directories = program.includes('/') ? [workingDirectory] : searched;
  for (const directory of directories) {
    const found = resolve(workingDirectory, directory, program);
    if (await isExecutable(found)) return found;
  }
  throw new FairleadError('service/no-program', { program, where: directories.join(', ') });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Every directory on the way counts, every group, and so may more than modes say: only the kernel knows, asked as that account.
 * Whoever has the account reads the environment of what runs as it: nothing of the agent's own stands there.
 */
async function mayRun(path: string, account: Account): Promise<boolean> {
  if (account.uid === undefined) return true;
  const argv = ['test', '-x', path];
  const { status } = await runTool({
    argv,
    env: toolEnvironment(),
    workingDirectory: '/',
    account,
    timeoutMs: TEST_MS,
  });
  // Exit status 1 is its no; without `test` nobody knows.
  return status !== 1;
}

/** Null where only others may read it. */
async function readHead(path: string): Promise<Buffer | null> {
  const handle = await open(path).catch(() => null);
  if (handle === null) return null;
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
