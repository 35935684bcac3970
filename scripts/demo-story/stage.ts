// What every chapter of the demo works with: directories, ports, programs, and how to ask the agent.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangesReply, StatusReply } from '../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import type { Application, Edition, PreparedVersion } from './applications.ts';
import { type BackgroundProgram, findFreePort, readUrl, startProgram } from './services.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface Stage {
  readonly terminal: Terminal;
  readonly edition: Edition;
  readonly directory: string;
  readonly ports: { readonly server: number; readonly editor: number; readonly registry: number };
  /** One version's files and manifest; preparations run ahead in the background. */
  prepared(application: Application, version: string): Promise<PreparedVersion>;
  startServer(): Promise<void>;
  stopServer(): Promise<void>;
  startAgent(): Promise<void>;
  status(): Promise<StatusReply>;
  changes(): Promise<readonly DeploymentRecord[]>;
  /** Ends everything the demo started, the installed applications included. */
  close(): Promise<void>;
}

export async function createStage(
  directory: string,
  edition: Edition,
  prepared: Stage['prepared'],
): Promise<Stage> {
  const ports = {
    server: await findFreePort(),
    editor: await findFreePort(),
    registry: await findFreePort(),
  };
  const env = environmentFor(directory);
  const terminal = createTerminal(env);
  const running: { server?: BackgroundProgram; agent?: BackgroundProgram } = {};
  await mkdir(join(directory, 'logs'), { recursive: true });

  const background = (argv: readonly string[], log: string) => {
    terminal.say(`$ ${argv.join(' ')} > ${log} 2>&1 &`);
    return startProgram(argv, join(directory, log), env);
  };
  const json = async (...argv: string[]) =>
    JSON.parse(await terminal.run(['fairlead', ...argv, '--json'], { quiet: true }));
  const status = async () => (await json('status')) as StatusReply;

  return {
    terminal,
    edition,
    directory,
    ports,
    prepared,
    status,
    changes: async () => ((await json('changes')) as ChangesReply).changes,
    startServer: async () => {
      const options = ['--dir', join(directory, 'server'), '--port', String(ports.server)];
      running.server = background(['fairlead-server', 'run', ...options], 'logs/server.log');
      await terminal.wait('the release server is ready', () =>
        readUrl(`http://127.0.0.1:${ports.server}/readyz`),
      );
    },
    stopServer: async () => running.server?.stop(),
    startAgent: async () => {
      running.agent = background(['fairlead', 'agent', 'run', '--soak', 'PT5S'], 'logs/agent.log');
      await terminal.wait('the agent answers', () => status().catch(() => null));
    },
    close: async () => {
      await running.agent?.stop();
      await running.server?.stop();
    },
  };
}

/** What a person would export once, so that no command needs to repeat it. */
export function environmentFor(directory: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    FAIRLEAD_VENDOR_DIR: join(directory, 'vendor'),
    FAIRLEAD_STATE_DIR: join(directory, 'agent'),
    FAIRLEAD_PASSPHRASE: 'a passphrase for the demo',
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
