// The agent as a process: enrolled, started, asked, killed and started again, with the vendor's server away.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../agent/adapters/machine/surroundings.ts';
import { createAuditFile } from '../../../agent/adapters/state/audit-file.ts';
import { enrollAnswer } from '../../../agent/cli/commands/enroll.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { startEnrolmentServer } from '../../support/enrolment-server.ts';

const CLI = new URL('../../../agent/cli/main.ts', import.meta.url).pathname;

interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

function fairlead(stateDir: string, ...argv: string[]): Promise<Outcome> {
  return promisify(execFile)(process.execPath, [CLI, ...argv, '--state-dir', stateDir])
    .then(({ stdout, stderr }) => ({ exit: 0, stdout, stderr }))
    .catch(({ code, stdout, stderr }) => ({ exit: code, stdout, stderr }));
}

/** Runs until the test ends or it is told to; resolves once it answers. */
async function startAgent(stateDir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CLI, 'agent', 'run', '--state-dir', stateDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of child.stderr!) {
    if (String(line).includes('the agent runs')) break;
  }
  child.stderr?.resume();
  return child;
}

async function enrolled(): Promise<string> {
  const stateDir = join(temporaryDirectory(), 'state');
  const server = await startEnrolmentServer();
  const outcome = await fairlead(stateDir, 'agent', 'enroll', server.string);
  expect(outcome).toMatchObject({ exit: 0 });
  return stateDir;
}

describe('the agent process', () => {
  it('tells whoever enrols that nobody has said what the install runs', async () => {
    const stateDir = join(temporaryDirectory(), 'state');
    const server = await startEnrolmentServer();

    const { stdout } = await fairlead(stateDir, 'agent', 'enroll', server.string);

    expect(stdout).toContain('EVERYTHING');
    expect(stdout).toContain(`${stateDir}/instance.json`);
  });

  it('answers whoever enrols with the document that the command declares', async () => {
    const server = await startEnrolmentServer();

    const { stdout } = await fairlead(
      join(temporaryDirectory(), 'state'),
      ...['agent', 'enroll', server.string, '--json'],
    );

    expect(enrollAnswer.parse(JSON.parse(stdout))).toMatchObject({ takesEverything: true });
  });

  it('answers although nothing of the server can be trusted, and says so', async () => {
    const stateDir = await enrolled();
    await startAgent(stateDir);

    const check = await fairlead(stateDir, 'check', '--json');

    expect(check.exit).toBe(5);
    expect(JSON.parse(check.stdout)).toMatchObject({
      decision: { verdict: 'blocked', blockers: [{ code: 'metadata-missing' }] },
      contact: { outcome: 'failed' },
    });
  });

  it.each([
    ['is gone', (path: string) => rmSync(path)],
    ['is damaged', (path: string) => writeFileSync(path, '{"kty":')],
  ])('goes on and says so when the key it reports with %s, and makes no other', async (_what, harm) => {
    const stateDir = await enrolled();
    const identity = join(stateDir, 'identity.json');
    harm(identity);
    const before = existsSync(identity) ? readFileSync(identity, 'utf8') : null;

    await startAgent(stateDir);
    const status = await fairlead(stateDir, 'status', '--json');

    expect(JSON.parse(status.stdout).alarms).toContainEqual(
      expect.stringContaining('nothing can be reported'),
    );
    expect(existsSync(identity) ? readFileSync(identity, 'utf8') : null).toBe(before);
  });

  it('is alone on its state directory, and frees it when it is killed', async () => {
    const stateDir = await enrolled();
    const first = await startAgent(stateDir);

    const second = await fairlead(stateDir, 'agent', 'run');
    expect(second).toMatchObject({ exit: 4 });
    expect(second.stderr).toContain('another agent');
    first.kill('SIGKILL');
    await once(first, 'exit');
    await startAgent(stateDir);

    expect((await fairlead(stateDir, 'status')).exit).toBe(0);
  });

  it('keeps what an operator decided when it is killed right after', async () => {
    const stateDir = await enrolled();
    const agent = await startAgent(stateDir);
    const set = await fairlead(stateDir, 'channel', 'set', 'frozen', '--reason', 'year end');
    expect(set.exit).toBe(0);
    agent.kill('SIGKILL');
    await once(agent, 'exit');

    await startAgent(stateDir);

    const status = JSON.parse((await fairlead(stateDir, 'status', '--json')).stdout);
    expect(status).toMatchObject({ channel: 'frozen' });
    const events = (await createAuditFile(stateDir, systemClock).entries()).map(({ event }) => event);
    expect(events).toEqual(expect.arrayContaining(['enrolled', 'agent-started', 'policy-changed']));
  });

  it('ends on TERM with status 0 and takes its socket along', async () => {
    const stateDir = await enrolled();
    const agent = await startAgent(stateDir);

    agent.kill('SIGTERM');
    const [status] = await once(agent, 'exit');

    expect(status).toBe(0);
    expect(existsSync(join(stateDir, 'agent.sock'))).toBe(false);
    expect((await fairlead(stateDir, 'status')).exit).toBe(3);
  });
});
