// What every chapter of the demo works with: directories, ports, programs, and how to ask the agent and the server.
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdminClient } from '../../../agent/adapters/admin/admin-client.ts';
import { changesReply, type StatusReply, statusReply } from '../../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Application, Edition, PreparedVersion } from './applications.ts';
import { DEMO_MARKER, endProcessesOf } from './leftovers.ts';
import { type BackgroundProgram, findFreePort, readUrl, startProgram } from './services.ts';
import { DemoFailure, type Terminal } from './terminal.ts';

export interface Stage {
  readonly terminal: Terminal;
  readonly edition: Edition;
  readonly directory: string;
  readonly ports: Ports;
  /** One version's files and manifest; preparations run ahead in the background. */
  prepared(application: Application, version: string): Promise<PreparedVersion>;
  startServer(): Promise<void>;
  stopServer(): Promise<void>;
  startAgent(): Promise<void>;
  /** Ends it at once, as a power cut would. */
  kill(program: 'server' | 'agent'): Promise<void>;
  status(): Promise<StatusReply>;
  changes(): Promise<readonly DeploymentRecord[]>;
  /** A JSON document of the server's API as the release manager may read it; null while there is no good answer. */
  readServer(path: string): Promise<unknown>;
  /** Ends everything that runs for the demo, the installed applications included. */
  close(): Promise<void>;
}

export interface Ports {
  readonly server: number;
  readonly editor: number;
  readonly registry: number;
}

export type StageParts = Pick<Stage, 'directory' | 'edition' | 'prepared' | 'terminal'> & {
  /** Behind `fairlead agent run`. */
  readonly agentOptions: readonly string[];
};

export async function createStage(parts: StageParts): Promise<Stage> {
  const { directory, terminal } = parts;
  const ports = {
    server: await findFreePort(),
    editor: await findFreePort(),
    registry: await findFreePort(),
  };
  const url = `http://127.0.0.1:${ports.server}`;
  const client = createAdminClient(join(directory, 'agent'));
  const running: { server?: BackgroundProgram; agent?: BackgroundProgram } = {};
  await mkdir(join(directory, 'logs'), { recursive: true });

  const background = (argv: readonly string[], log: string) => {
    terminal.show(argv, ` > ${log} 2>&1 &`);
    return startProgram(argv, join(directory, log), directory, environmentFor(directory));
  };
  const status = () => client.call('GET', '/v1/status', statusReply);

  return {
    ...parts,
    ports,
    status,
    changes: async () => (await client.call('GET', '/v1/changes', changesReply)).changes,
    readServer: async (path) => {
      const token = (await readFile(join(directory, 'server', 'publisher.token'), 'utf8')).trim();
      const answer = await readUrl(`${url}${path}`, { authorization: `Bearer ${token}` });
      return answer === null ? null : JSON.parse(answer);
    },
    startServer: async () => {
      const options = ['--dir', 'server', '--port', String(ports.server)];
      running.server = background(['fairlead-server', 'run', ...options], 'logs/server.log');
      await terminal.wait('the release server is ready', () => readUrl(`${url}/readyz`));
    },
    stopServer: async () => running.server?.stop(),
    startAgent: async () => {
      running.agent = background(['fairlead', 'agent', 'run', ...parts.agentOptions], 'logs/agent.log');
      await terminal.wait('the agent answers', () => status().catch(() => null));
    },
    kill: async (program) => running[program]?.kill(),
    close: async () => {
      await running.agent?.stop();
      await running.server?.stop();
      await endProcessesOf(directory);
    },
  };
}

/** What a person would export once, so that no command needs to repeat it. */
export const EXPORTS = {
  FAIRLEAD_VENDOR_DIR: 'vendor',
  FAIRLEAD_STATE_DIR: 'agent',
} as const;
/** Where `fairlead`, `fairlead-server` and `fairlead-vendor` are: this checkout's sources, or executables. */
export function programDirectory(): string {
  return process.env.FAIRLEAD_EXECUTABLES ?? join(import.meta.dirname, '..', '..', '..', 'scripts', 'bin');
}

/** As executables, below a directory. Answers where they are. */
export function buildPrograms(out: string): string {
  const build = join(import.meta.dirname, '../../../scripts/build.ts');
  const { status } = spawnSync(process.execPath, [build, '--executables-only', '--out', out], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new DemoFailure('the programs cannot be built');
  return join(out, `linux-${process.arch}`);
}

export const PASSPHRASE = 'a passphrase for the demo';

export function environmentFor(directory: string): NodeJS.ProcessEnv {
  const paths = Object.entries(EXPORTS).map(([name, below]) => [name, join(directory, below)]);
  return {
    ...process.env,
    PATH: `${programDirectory()}:${process.env.PATH}`,
    ...Object.fromEntries(paths),
    FAIRLEAD_PASSPHRASE: PASSPHRASE,
    [DEMO_MARKER]: directory,
    // Sixty short processes: each would compile the same sources again.
    NODE_COMPILE_CACHE: join(directory, '.compiled'),
  };
}

/** The operator's own file: which products run here, and on which ports. */
export async function writeInstanceConfig(stage: Stage): Promise<void> {
  const { editor, registry } = stage.edition;
  const nameOf = (application: Application) => application.component.split('/')[1] ?? '';
  const config = {
    schema: 'fairlead/instance@1',
    suites: {
      tools: {
        capabilities: {
          [nameOf(editor)]: { settings: { port: stage.ports.editor } },
          [nameOf(registry)]: { settings: { port: stage.ports.registry } },
        },
      },
    },
  };
  await mkdir(join(stage.directory, 'agent'), { recursive: true, mode: 0o700 });
  await writeFile(join(stage.directory, 'agent', 'instance.json'), `${JSON.stringify(config, null, 2)}\n`);
}
