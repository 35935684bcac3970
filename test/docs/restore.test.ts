// The runbook for a lost server: an old copy in its place, one command of the vendor, and agents go on.
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../agent/adapters/server/http-client.ts';
import type { Repository } from '../../agent/ports/server.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { refusedCode } from '../support/error-code.ts';
import { createRepository } from '../support/open-repository.ts';
import { startTestServer, type TestServer } from '../support/server-under-test.ts';
import { createBench, type Vendor } from '../support/vendor.ts';

const LIMIT_MS = 120_000;
/** How long it took to put the copy in place: the server's clock goes on meanwhile. */
const RESTORE_MS = 60_000;

it(
  'an agent that saw more than the backup holds refuses it, until the vendor publishes again',
  async () => {
    const directory = temporaryDirectory();
    const [live, backup] = [join(directory, 'server'), join(directory, 'backup')];
    await mkdir(live);
    const server = await serve(live, 0);
    const vendor = await createWorkspace(directory, server);
    await vendor.release('core/auth@1.0.0');
    const agent = await createAgent(directory, server);
    await agent.refresh(Date.now());
    await server.stop();
    await cp(live, backup, { recursive: true });
    const going = await serve(live, server.port);
    await vendor.release('core/auth@1.1.0');
    await agent.refresh(Date.now());

    await going.stop();
    await rm(live, { recursive: true });
    await cp(backup, live, { recursive: true });
    const restored = await serve(live, server.port, RESTORE_MS);
    onTestFinished(() => restored.stop());

    expect(await refusedCode(agent.refresh(Date.now()))).toBe('trust/rollback');
    await vendor.json('publish');
    expect(await agent.refresh(Date.now())).toBe('changed');
    const versions = (await agent.catalog()).releases.map(({ document }) => document.version);
    expect(versions.toSorted()).toEqual(['1.0.0', '1.1.0']);
  },
  LIMIT_MS,
);

interface Serving {
  readonly port: number;
  readonly url: string;
  readonly token: string;
  stop(): Promise<void>;
}

async function serve(dir: string, port: number, laterMs = 0): Promise<Serving> {
  const server: TestServer = await startTestServer(dir);
  server.now = Date.now() + laterMs;
  const { authorization } = await server.bearer('publisher');
  const url = await server.app.listen({ host: '127.0.0.1', port });
  return {
    port: Number(new URL(url).port),
    url,
    token: authorization.replace('Bearer ', ''),
    stop: async () => {
      await server.app.close();
      await server.context.db.destroy();
    },
  };
}

async function createWorkspace(directory: string, { url, token }: Serving): Promise<Vendor> {
  const vendor = createBench(directory, { url } as Vendor['server']);
  const file = await vendor.write('publisher.token', `${token}\n`);
  await vendor.json('init', '--server', url, '--token-file', file);
  return vendor;
}

async function createAgent(directory: string, { url }: Serving): Promise<Repository> {
  const http = createHttpClient();
  onTestFinished(() => http.close());
  return createRepository({
    directory: join(directory, 'trust'),
    url: `${url}/repository`,
    initialRoot: await readFile(join(directory, 'workspace/repository/metadata/1.root.json')),
    http,
    onWarning: (warning) => {
      throw warning;
    },
  });
}
