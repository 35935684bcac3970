// The program `fairlead-server`: makes a release server's directory, runs it, and hands out tokens.
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { EXIT } from '../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../shared/errors/error.ts';
import { shellWord } from '../shared/errors/shell-word.ts';
import { systemCode } from '../shared/errors/system-error.ts';
import { makeDirectory } from '../shared/node/durable-file.ts';
import { tryLock } from '../shared/node/lock.ts';
import { createLogDestination } from '../shared/node/log.ts';
import { isPresent } from '../shared/node/read-file.ts';
import { settleDirectory } from '../shared/node/settle-directory.ts';
import { print, requireInitialized } from './cli/database.ts';
import { addInspectCommands } from './cli/inspect.ts';
import { addTokenCommands, issued } from './cli/token.ts';
import { type Context, createContext, type ServerConfig, toConfig } from './context.ts';
import { openDatabase } from './db/database.ts';
import type { Database } from './db/tables.ts';
import { admitToken, hasToken, makeToken } from './db/tokens.ts';
import { resign, startResigning } from './jobs/resign.ts';
import { checkpointAudit, startWatching, warnOfExpiries } from './jobs/watch.ts';
import { parseNetworks, parsePort, parseUrl } from './options.ts';
import { readOrWriteLine } from './repository/initial-files.ts';
import type { Layout } from './repository/layout.ts';
import { createOnlineKeys, openOnlineKeys } from './repository/online-keys.ts';
import { readOrMakePassphrase, readPassphrase } from './repository/passphrase.ts';

/** How long requests may take to end once the server was told to. */
const GRACE_MS = 10_000;

export function createProgram(): Command {
  const program = new Command('fairlead-server')
    .description('Fairlead release server: serves the signed repository and knows the fleet')
    .version(manifest.version)
    .exitOverride();
  command(program, 'init', 'make the directory, its keys and the first tokens; may be repeated')
    .option('--public-url <url>', 'where agents and release managers will reach the server', parseUrl)
    .action((settings) => init(toConfig(settings, process.env), settings.publicUrl));
  command(program, 'run', 'serve until told to stop')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 takes a free one', parsePort, 8080)
    .option(
      '--trust-proxy <addresses>',
      'reverse proxies whose X-Forwarded-For is believed: addresses or networks, by comma',
      parseNetworks,
    )
    .action((settings) => run(toConfig(settings, process.env)));
  addTokenCommands(program.command('token').description('tokens of people and programs'));
  addInspectCommands(program);
  return program;
}

function command(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .requiredOption('--dir <dir>', 'directory of the release server')
    .option('--passphrase-file <file>', 'passphrase of the signing keys (else $FAIRLEAD_PASSPHRASE)');
}

/** Every step leaves alone what an earlier run has made, so a run that was killed is simply repeated. */
async function init(config: ServerConfig, publicUrl: string | undefined): Promise<void> {
  const { layout } = config;
  await makeDirectory(layout.dir);
  const { passphrase, made } = await readOrMakePassphrase(layout, config.passphrase);
  await createOnlineKeys(layout, passphrase);
  await openOnlineKeys(layout, passphrase);
  const db = await openDatabase(layout.database);
  const tokens = await makeFirstTokens(db, layout).finally(() => db.destroy());
  print(`the release server in ${layout.dir} is ready`);
  for (const path of tokens) print(`  token       ${path}`);
  if (made) {
    print(`  passphrase  ${layout.passphrase}`);
    print(
      '  The passphrase of the signing keys was made here and lies beside them: who reads this directory can',
    );
    print(
      '  sign as this server. To keep it elsewhere, give --passphrase-file or FAIRLEAD_PASSPHRASE at init.',
    );
  }
  const url = publicUrl ?? 'http://127.0.0.1:8080';
  print(`next: fairlead-server run --dir ${shellWord(layout.dir)}`);
  print(
    `then: fairlead-vendor init --server ${shellWord(url)} --token-file ${shellWord(join(layout.dir, 'publisher.token'))}`,
  );
}

/** The files that hold the first tokens. A token whose file was taken away stays valid and is not made again. */
async function makeFirstTokens(db: Database, layout: Layout): Promise<readonly string[]> {
  const files: string[] = [];
  for (const role of ['admin', 'publisher'] as const) {
    const path = join(layout.dir, `${role}.token`);
    if (!(await isPresent(path)) && (await hasToken(db, role))) continue;
    const text = await readOrWriteLine(path, makeToken);
    await admitToken(db, { text, name: role, role, ...issued() }, Date.now());
    files.push(path);
  }
  return files;
}

async function run(config: ServerConfig): Promise<void> {
  const log = pino({ name: 'fairlead-server' }, createLogDestination());
  const { layout } = config;
  await requireInitialized(layout);
  const keys = await openOnlineKeys(layout, await readPassphrase(layout, config.passphrase));
  const lock = await tryLock(layout.lock);
  if (lock === null) throw new FairleadError('server/in-use', { dir: layout.dir });
  await settleDirectory(layout.dir, new Set()).catch((err) =>
    log.warn({ err }, 'what a kill left behind stays'),
  );
  const context = await createContext(config, keys, { now: Date.now, log, database: 'beside' });
  const close = async () => {
    await context.db.destroy();
    lock.release();
  };
  await serve(context, close).catch(async (error: unknown) => {
    // The database has threads of its own: left open, they would keep the program from ending.
    await close();
    throw error;
  });
}

async function serve(context: Context, close: () => Promise<void>): Promise<void> {
  const { config, log } = context;
  // Only here: the commands that do not serve start in half the time without it.
  const { createApp } = await import('./http/app.ts');
  const app = await createApp(context);
  // Before the first request: what a longer pause has let expire is never served.
  await resign(context);
  await warnOfExpiries(context);
  await checkpointAudit(context);
  print(`listening on ${await listen(app, config)}`);
  const resigning = startResigning(context);
  const watching = startWatching(context);

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref();
    await resigning.stop();
    await watching.stop();
    await checkpointAudit(context);
    await app.close();
    await close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** Answers the address. Error: server/no-address. */
async function listen(app: FastifyInstance, { host, port }: ServerConfig): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    throw new FairleadError('server/no-address', { host, port, problem: systemCode(cause) }, { cause });
  }
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return;
  }
  if (!isFairleadError(error)) throw error;
  process.stderr.write(`error: ${error.message}\n  hint: ${error.hint}\n`);
  process.exitCode = error.exit;
}

if (import.meta.main) {
  // Whoever read the first lines may be gone: the server, and what was begun, go on.
  process.stdout.on('error', () => undefined);
  await createProgram().parseAsync().catch(fail);
}
