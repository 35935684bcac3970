// A real instance in a directory: the engine over its real adapters, with trees that lie there already. Run as a program
// it deploys `core/auth` in the version given, so that a test can kill it.
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVolumes } from '../../agent/adapters/drivers/compose/volumes.ts';
import { createProcessDriver } from '../../agent/adapters/drivers/process/process-driver.ts';
import { createTraffic } from '../../agent/adapters/drivers/traffic/traffic.ts';
import { findProgram } from '../../agent/adapters/machine/find-program.ts';
import { createProber } from '../../agent/adapters/machine/run-command.ts';
import { readReference, systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { createDeploymentStore } from '../../agent/adapters/state/deployment-store.ts';
import { createJournal } from '../../agent/adapters/state/journal.ts';
import { createDeployer } from '../../agent/engine/deploy/deployer.ts';
import type { Deployer, Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import type { Prober } from '../../agent/ports/machine.ts';
import type { TreeStore } from '../../agent/ports/state.ts';
import { type Digest, hexOf } from '../../shared/encoding/digest.ts';
import { createSecrets } from '../../shared/encoding/redact.ts';
import { AUTH, type Deployable, deployableOf, planOf, releaseOf } from './deploy-releases.ts';

export interface RealInstance {
  readonly deployer: Deployer;
  readonly warnings: unknown[];
  deploy(to: Deployable): ReturnType<Deployer['deploy']>;
}

const SWITCH = [
  process.execPath,
  new URL('../../agent/cli/main.ts', import.meta.url).pathname,
  ...['agent', 'switch'],
];

/** Answers with its version; after as many answers to clients as its second argument says it is sick. Asked to stop, it ends what it began. */
const SERVER = `const [, , version, healthyFor = Infinity] = process.argv;
let clients = 0;
const server = require('node:http').createServer((request, response) => {
  const wait = new URL(request.url, 'http://localhost').searchParams.get('wait');
  if (wait !== null) clients += 1;
  response.statusCode = clients > Number(healthyFor) ? 503 : 200;
  setTimeout(() => {
    if (!server.listening) response.setHeader('connection', 'close');
    response.end('auth ' + version);
  }, Number(wait ?? 0));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  setTimeout(() => process.exit(), 500).unref();
});`;

/** A release whose service answers with its version; in `broken` ones the probe waits for another. */
export function realRelease(version: string, port: number, broken = false): Deployable {
  const answer = broken ? 'auth of another kind' : `auth ${version}`;
  const release = releaseOf(AUTH, version, {
    service: {
      driver: 'process',
      exec: [process.execPath, 'server.cjs', version],
      env: { PORT: '${settings.port}' },
    },
    settings: { port: { type: 'integer' } },
    health: [
      {
        http: 'http://127.0.0.1:${settings.port}/',
        contains: answer,
        startPeriod: broken ? 'PT1S' : 'PT1M',
        interval: 'PT0S',
        successes: 2,
        failures: 3,
      },
    ],
    smoke: [{ exec: ['test', '-f', 'server.cjs'] }],
    hooks: {},
  });
  return deployableOf({ [AUTH]: release }, { [AUTH]: { port } });
}

/** Puts the release's files where the tree store would. */
export async function storeTree(stateDir: string, deployable: Deployable): Promise<void> {
  for (const release of deployable.releases.values()) {
    const directory = treeDirectory(stateDir, release.document.tree.digest);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'server.cjs'), SERVER);
  }
}

export interface InstanceOptions {
  /** Every unit is a program; the agent itself runs it unless this does. */
  readonly driver?: Driver<ProgramUnit>;
  readonly soakMs?: number;
  /** Whoever has trees fetched gives their store; otherwise they lie there already. */
  readonly trees?: TreeStore;
  /** The agent's own unless given. */
  readonly prober?: Prober;
}

export function realInstance(stateDir: string, options: InstanceOptions = {}): RealInstance {
  const { driver = createProcessDriver({ stateDir }), soakMs = 200, trees = treesIn(stateDir) } = options;
  const { prober = createProber() } = options;
  const warnings: unknown[] = [];
  const onWarning = (error: unknown) => void warnings.push(error);
  const deployer = createDeployer({
    store: createDeploymentStore({
      stateDir,
      treeDirectoryOf: (tree) => trees.directoryOf(tree),
      onDamage: onWarning,
    }),
    journal: createJournal({ stateDir }),
    trees,
    driver: driver as Driver,
    prober,
    traffic: createTraffic({ stateDir, driver, command: SWITCH }),
    volumes: createVolumes({ stateDir, runtimeDirectory: join(stateDir, 'run') }),
    clock: systemClock,
    readReference,
    soakMs: async () => soakMs,
    findProgram,
    secrets: createSecrets(),
    probationMs: async () => 3_600_000,
    retention: { generations: 5, bytes: Number.POSITIVE_INFINITY },
    onWarning,
  });
  return {
    deployer,
    warnings,
    async deploy(to) {
      const plan = planOf(await deployer.current(), to);
      return deployer.deploy({ ...to, plan, actor: 'agent', stillAllowed: async () => true });
    },
  };
}

/** Where the files of a tree lie. */
export function treeDirectory(stateDir: string, tree: Digest): string {
  return join(stateDir, 'store', 'trees', hexOf(tree), 'files');
}

function treesIn(stateDir: string): TreeStore {
  return {
    has: async (tree) => (await stat(treeDirectory(stateDir, tree)).catch(() => null)) !== null,
    stored: async () => new Set(),
    directoryOf: (tree) => treeDirectory(stateDir, tree),
    add: async () => {
      throw new Error('the tree lies there already');
    },
    transfers: () => [],
    weigh: async () => null,
    verify: async () => [],
    readAhead: async () => ({ done: Promise.resolve(), damages: async () => [] }),
    repair: async () => {},
    hand: async () => false,
    collect: async () => {},
  };
}

const [, program, stateDir, version, port] = process.argv;
if (program === import.meta.filename && stateDir !== undefined && version !== undefined) {
  const instance = realInstance(stateDir);
  await instance.deployer.recover();
  await instance.deploy(realRelease(version, Number(port)));
}
