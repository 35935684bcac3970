// The agent's own unit, installed under a real service manager.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { installAgent, uninstallAgent } from '../../../../agent/adapters/machine/agent-service.ts';
import { AGENT_UNIT, renderAgentUnit } from '../../../../agent/adapters/machine/agent-unit.ts';
import { writeDurably } from '../../../../shared/node/durable-file.ts';
import { createPrograms } from '../../../docs/pages/programs.ts';
import { describeBooted } from '../../../support/booted.ts';
import { holdToAnswer } from '../../../support/declared-answers.ts';
import { until } from '../../../support/driver-contract.ts';
import { startEnrolmentServer } from '../../../support/enrolment-server.ts';

const UNIT_DIRECTORY = '/etc/systemd/system';
const CLI = new URL('../../../../agent/cli/main.ts', import.meta.url).pathname;
/** Says how it was called, leaves a child behind, and stays; stands for the agent and a service it started. */
const STAND_IN =
  'echo "$@" > "$2/words"; sleep 4712 & echo $! >> "$2/children"; echo $$ > "$2/pid"; systemd-notify --ready; wait';

describeBooted('the agent as a service', import.meta.filename, () => {
  let stateDir: string;
  const read = (name: string) => readFileSync(join(stateDir, name), 'utf8').trim();
  const runs = (pid: string) => existsSync(`/proc/${pid}`);
  const program = () => ['/bin/sh', '-c', STAND_IN, 'agent'];
  const install = async () => {
    await installAgent({ program: program(), stateDir, drivers: null }, async () => true);
    await until(async () => existsSync(join(stateDir, 'pid')));
  };

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'state of 100% "x" $HOME '));
  });
  afterEach(async () => {
    await uninstallAgent(stateDir);
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('satisfies systemd-analyze', async () => {
    const path = join(tmpdir(), AGENT_UNIT);
    await writeDurably(path, Buffer.from(renderAgentUnit({ program: program(), stateDir, drivers: null })));

    const verdict = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });

    expect(verdict).toMatchObject({ status: 0, stderr: '' });
  });

  it('runs now and at every boot, with exactly the state directory it was given', async () => {
    await install();

    expect(read('words')).toBe(`--state-dir ${stateDir} agent run`);
    expect(existsSync(`${UNIT_DIRECTORY}/multi-user.target.wants/${AGENT_UNIT}`)).toBe(true);
    expect(existsSync('/run/fairlead')).toBe(true);
  });

  it('is started again when it dies, and its services live on', async () => {
    await install();
    const [agent, service] = [read('pid'), read('children')];

    process.kill(Number(agent), 'SIGKILL');
    await until(async () => read('pid') !== agent);

    expect(runs(service)).toBe(true);
  });

  it('is enrolled, installed and removed by commands that print what they declare', async () => {
    const vendor = await startEnrolmentServer();
    const [program] = createPrograms();
    if (program === undefined) throw new TypeError('there are three programs');
    const type = async (...argv: readonly string[]) => {
      const words = [CLI, ...argv, '--state-dir', stateDir, '--json'];
      const { stdout } = await promisify(execFile)(process.execPath, words);
      await holdToAnswer(program, argv, JSON.parse(stdout));
      return JSON.parse(stdout);
    };

    expect(await type('agent', 'enroll', vendor.string, '--name', 'first')).toMatchObject({
      server: vendor.url,
      takesEverything: true,
    });
    expect(await type('agent', 'install')).toMatchObject({ unit: AGENT_UNIT });
    expect(await type('agent', 'uninstall')).toMatchObject({ unit: AGENT_UNIT });
  });

  it('leaves nothing of itself when it is removed but its state and its services', async () => {
    await install();
    const [agent, service] = [read('pid'), read('children')];

    await uninstallAgent(stateDir);

    expect(runs(agent)).toBe(false);
    expect(runs(service)).toBe(true);
    expect(existsSync(`${UNIT_DIRECTORY}/${AGENT_UNIT}`)).toBe(false);
    expect(existsSync(`${UNIT_DIRECTORY}/multi-user.target.wants/${AGENT_UNIT}`)).toBe(false);
  });
});
