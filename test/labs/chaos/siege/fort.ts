// One install to attack: server and repository stay, state and services are put back before every attack.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createAdminClient } from '../../../../agent/adapters/admin/admin-client.ts';
import { signalProcess } from '../../../../agent/adapters/machine/process-table.ts';
import { runTool, type ToolResult } from '../../../../agent/adapters/machine/run-tool.ts';
import { changesReply, type StatusReply, statusReply } from '../../../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { processesOf } from '../../demo/leftovers.ts';
import { createOfflineEdition } from '../../demo/offline-edition.ts';
import { prepareAhead } from '../../demo/prepare.ts';
import { readUrl } from '../../demo/services.ts';
import { createStage, environmentFor, programDirectory, type Stage } from '../../demo/stage.ts';
import { deployFirstReleases, setUp } from '../../demo/story.ts';
import { createTerminal } from '../../demo/terminal.ts';
import { release, rollOut } from '../../demo/vendor-steps.ts';
import { type AgentProcess, type AgentStart, startAgentProcess } from './agent-process.ts';

/** The install runs two capabilities; of one of them the server offers a newer version. */
export interface Fort {
  readonly stateDir: string;
  readonly serverPort: number;
  /** The agent, dead or alive, that was started last. */
  agent(): AgentProcess;
  startAgent(start?: AgentStart): void;
  /** Null while nobody answers. */
  status(): Promise<StatusReply | null>;
  changes(): Promise<readonly DeploymentRecord[] | null>;
  /** `fairlead` with these words, run to its end. */
  command(...words: readonly string[]): Promise<ToolResult>;
  /** The version that the updated capability itself answers; null when it does not. */
  served(): Promise<string | null>;
  /** Both capabilities answer. */
  isWhole(): Promise<boolean>;
  /** Pids of all that runs here: the agent, the services, the server. */
  pids(): Promise<readonly number[]>;
  /** As it was when the new version had just been offered: nothing runs but the server. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** The version that is on offer, and the one that runs. */
export const NEW = '6.1.2';
export const OLD = '5.33.0';

const PATIENCE_MS = 5_000;
const run = promisify(execFile);

export async function buildFort(print: (text: string) => void): Promise<Fort> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-siege-'));
  const edition = createOfflineEdition();
  const terminal = createTerminal(directory, environmentFor(directory), print);
  const prepared = prepareAhead(edition, join(directory, 'apps'));
  const agentOptions = ['--soak', 'PT2S', '--poll-interval', 'PT2S'];
  const stage = await createStage({ directory, edition, terminal, prepared, agentOptions });
  await setUp(stage);
  await deployFirstReleases(stage);
  await stage.kill('agent');
  await rollOut(stage, await release(stage, edition.registry, NEW, 'new major version'));
  return garrison(stage, agentOptions);
}

async function garrison(stage: Stage, agentOptions: readonly string[]): Promise<Fort> {
  const { directory, edition, ports } = stage;
  const stateDir = join(directory, 'agent');
  const saved = join(directory, 'saved');
  const client = createAdminClient(stateDir);
  const env = environmentFor(directory);
  const server = await pidsBelow(directory, 'server/main.ts');
  let agent: AgentProcess | null = null;

  const endAllButServer = async () => {
    const others = (await processesOf(directory)).filter(({ pid }) => !server.includes(pid));
    for (const entry of others) signalProcess(entry, 'SIGKILL');
    await agent?.ended;
  };
  const answered = <T>(work: Promise<T>): Promise<T | null> =>
    Promise.race([work.catch(() => null), delay(PATIENCE_MS, null, { ref: false })]);
  await endAllButServer();
  await run('cp', ['-a', stateDir, saved]);

  return {
    stateDir,
    serverPort: ports.server,
    agent: () => {
      if (agent === null) throw new TypeError('no agent was started');
      return agent;
    },
    startAgent(start = {}) {
      const argv = [join(programDirectory(), 'fairlead'), 'agent', 'run', ...agentOptions];
      agent = startAgentProcess(argv, start, { directory, env });
    },
    status: () => answered(client.call('GET', '/v1/status', statusReply)),
    changes: async () => (await answered(client.call('GET', '/v1/changes', changesReply)))?.changes ?? null,
    command: (...words) =>
      runTool({
        argv: [join(programDirectory(), 'fairlead'), ...words],
        env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? ''])),
        workingDirectory: directory,
        timeoutMs: 60_000,
      }),
    async served() {
      const body = await readUrl(edition.registry.url(ports.registry));
      return [OLD, NEW].find((version) => body?.includes(edition.registry.expected(version))) ?? null;
    },
    async isWhole() {
      const urls = [edition.registry.url(ports.registry), edition.editor.url(ports.editor)];
      return (await Promise.all(urls.map((url) => readUrl(url)))).every((body) => body !== null);
    },
    pids: async () => (await processesOf(directory)).map(({ pid }) => pid),
    async restore() {
      await endAllButServer();
      if ((await stat(stateDir).catch(() => null)) !== null) await unmount(stateDir);
      await rm(stateDir, { recursive: true, force: true });
      await run('cp', ['-a', saved, stateDir]);
    },
    async close() {
      await unmount(stateDir);
      await stage.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function pidsBelow(directory: string, script: string): Promise<readonly number[]> {
  const all = await processesOf(directory);
  const { stdout } = await run('ps', ['-o', 'pid=,args=', '-p', all.map(({ pid }) => pid).join()]);
  return stdout
    .split('\n')
    .filter((line) => line.includes(script))
    .map((line) => Number.parseInt(line, 10));
}

/** An attack may have mounted a small disk there. */
async function unmount(directory: string): Promise<void> {
  await run('umount', ['--lazy', directory]).catch(() => undefined);
}
