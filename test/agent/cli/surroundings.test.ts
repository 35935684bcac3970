// A real agent whose surroundings are taken away while it runs.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../support/directories.ts';
import { until } from '../../support/driver-contract.ts';
import { startEnrolmentServer } from '../../support/enrolment-server.ts';

// Four programs are started one after another, on a machine that may be busy with others.
const PATIENCE_MS = 120_000;
const CLI = new URL('../../../agent/cli/main.ts', import.meta.url).pathname;

it('ends and says so when its state directory is moved away', { timeout: PATIENCE_MS }, async () => {
  const stateDir = await enrolled();
  const { agent, output } = await startAgent(stateDir);

  renameSync(stateDir, `${stateDir}.moved`);
  const [status] = await once(agent, 'exit');

  expect(status).toBe(1);
  expect(output()).toContain(`${stateDir} was moved, removed or replaced`);
});

it('goes on when nobody reads its log any more', { timeout: PATIENCE_MS }, async () => {
  const stateDir = await enrolled();
  const { agent } = await startAgent(stateDir);

  agent.stderr?.destroy();
  await promisify(execFile)(process.execPath, [CLI, 'check', '--state-dir', stateDir]).catch(() => undefined);
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'status', '--state-dir', stateDir]);

  expect(stdout).not.toBe('');
  expect(agent.exitCode).toBeNull();
});

it('goes on when its log is on a full disk', { timeout: PATIENCE_MS }, async () => {
  const stateDir = await enrolled();
  const full = openSync('/dev/full', 'w');
  const agent = spawn(process.execPath, [CLI, 'agent', 'run', '--state-dir', stateDir], {
    stdio: ['ignore', 'ignore', full],
  });
  onTestFinished(() => void agent.kill('SIGKILL'));
  const status = () => promisify(execFile)(process.execPath, [CLI, 'status', '--state-dir', stateDir]);
  await until(
    () =>
      status().then(
        () => true,
        () => false,
      ),
    PATIENCE_MS,
  );

  agent.kill('SIGTERM');
  expect(await once(agent, 'exit')).toEqual([0, null]);
});

it('keeps no tables of time zones for a terminal that it does not have', {
  timeout: PATIENCE_MS,
}, async () => {
  const telling =
    'Intl.DateTimeFormat = function () { throw new Error("the tables of time zones are loaded"); }';

  const { agent, output } = await startAgent(await enrolled(), '--import', `data:text/javascript,${telling}`);
  await until(async () => output().includes('a new decision'), PATIENCE_MS);

  expect(output()).not.toContain('the tables of time zones');
  expect(agent.exitCode).toBeNull();
});

async function enrolled(): Promise<string> {
  const stateDir = join(temporaryDirectory(), 'state');
  const { string } = await startEnrolmentServer();
  await promisify(execFile)(process.execPath, [CLI, 'agent', 'enroll', string, '--state-dir', stateDir]);
  return stateDir;
}

async function startAgent(stateDir: string, ...node: readonly string[]) {
  const words = [...node, CLI, 'agent', 'run', '--state-dir', stateDir];
  const agent: ChildProcess = spawn(process.execPath, words, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void agent.kill('SIGKILL'));
  let output = '';
  await new Promise<void>((resolve) => {
    agent.stderr?.on('data', (chunk: Buffer) => {
      output += String(chunk);
      if (output.includes('the agent runs')) resolve();
    });
  });
  return { agent, output: () => output };
}
