// The release server as a service: what it is made of, from its first line to its last.
import { rm } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { EXIT } from '../shared/errors/entry.ts';
import { FairleadError, systemCode } from '../shared/errors/error.ts';
import { type Lock, tryLock } from '../shared/node/lock.ts';
import { createLog } from '../shared/node/log.ts';
import { readDocument } from '../shared/node/named-file.ts';
import { tellReady } from '../shared/node/service/manager.ts';
import { settleDirectory } from '../shared/node/set-aside.ts';
import { startBackups } from './backup/keeper.ts';
import { findUnderWay } from './backup/under-way.ts';
import { type BackupSettings, findBackup } from './cli/backup-config.ts';
import { findHome, findSecret, type Home, type OnDirectory, openVerified, verifyPlace } from './cli/home.ts';
import { findMail, type SmtpSettings } from './cli/mail.ts';
import { type CliContext, print } from './cli/options.ts';
import { verifyRepository, verifyRepositoryPlace } from './cli/place.ts';
import {
  type Context,
  createContext,
  type ServerConfig,
  type Settings,
  type SignIn,
  toConfig,
} from './context.ts';
import { identityConfig } from './core/identity.ts';
import { createApp, GRACE_MS } from './http/app.ts';
import { type DownloadSettings, readDownloads } from './http/downloads.ts';
import { createSignIn } from './http/sign-in.ts';
import { readTls, startRenewing, type Tls } from './http/tls.ts';
import { JOB_KINDS, SENDING_LANES } from './jobs/kinds.ts';
import { createJobs, type Jobs } from './jobs/run.ts';
import { checkpointAudit, resign, startFollowing, startWatching, warnOfExpiries } from './jobs/watch.ts';
import { readBackupPlace } from './repository/layout.ts';
import { startPublisher } from './repository/publisher-beside.ts';

/** Answers once it listens; it ends when it is told to. */
export async function run(
  cli: CliContext,
  settings: Settings & OnDirectory & DownloadSettings & BackupSettings & SmtpSettings,
): Promise<number> {
  const home = await findHome(settings, cli);
  const config = toConfig(settings, cli.environment, { database: home.address, repository: home.repository });
  const log = createLog({ name: 'fairlead-server' });
  // Before anything is opened: a certificate that does not fit is the first line that is read.
  const tls = config.tls === null ? null : await readTls(config.tls);
  const signIn = config.oidc === null ? null : await openSignIn(config.oidc, settings, cli);
  const downloads = await readDownloads(settings);
  const mail = await findMail(settings, cli);
  const backup = await findBackup(settings, cli);
  await verifyPlace(home, false);
  await verifyRepositoryPlace(home, 'use');
  const lock = await takeDirectory(home, log);
  const context = await createContext(config, {
    ...{ log, database: 'beside', signIn, downloads, mail },
    ...(backup === null
      ? {}
      : { openBackups: (opening, now) => startBackups(MAKER, backup, opening, now, log) }),
    openPublisher: ({ config: of, store }, onChange) =>
      startPublisher('server/publisher-thread.ts', { ...of, ...{ backup } }, store, onChange),
  }).catch((error: unknown) => {
    lock?.release();
    throw error;
  });
  if (backup === null) await forgetBackups(context);
  const close = async () => {
    await context.backups?.stop();
    await context.publisher.stop();
    await context.db.destroy();
    await context.store.close();
    lock?.release();
  };
  const begin = async () => {
    await context.backups?.begin();
    await serve(context, tls, close);
  };
  await begin().catch(async (error: unknown) => {
    // The database has threads of its own: left open, they would keep the program from ending.
    await close();
    throw error;
  });
  return EXIT.ok;
}

const MAKER = 'server/backup-thread.ts';

/** Nobody waits any more for what nobody keeps. */
async function forgetBackups({ config, log }: Context): Promise<void> {
  const { layout } = config;
  const place = await readBackupPlace(layout);
  if (place === null) return;
  log.warn({ job: 'backup', place }, 'no backups are kept any more: the server runs without --backup');
  await rm(layout.backupMark, { force: true });
}

/** Errors: file/*, document/invalid. */
async function openSignIn(path: string, { oidcSecretFile }: Settings, cli: CliContext): Promise<SignIn> {
  const document = await readDocument(path, identityConfig);
  const places = { variable: 'FAIRLEAD_SERVER_OIDC_SECRET', credential: 'fairlead-oidc-secret' };
  return createSignIn(document, await findSecret({ ...places, file: oidcSecretFile }, cli.environment));
}

/**
 * With the embedded file one process has the directory for itself; on PostgreSQL several share it.
 * Errors: server/in-use, server/database-*, server/repository-*.
 */
async function takeDirectory(home: Home, log: Logger): Promise<Lock | null> {
  const { layout, address } = home;
  const look = async () => {
    const db = await openVerified(home);
    await verifyRepository(db, home).finally(() => db.destroy());
  };
  if (address.kind === 'postgres') {
    await look();
    return null;
  }
  const lock = await tryLock(layout.lock);
  if (lock === null) throw new FairleadError('server/in-use', { dir: layout.dir });
  await look().catch((error: unknown) => {
    lock.release();
    throw error;
  });
  await findUnderWay(layout)
    .then((names) => settleDirectory(layout.dir, names))
    .catch((err) => log.warn({ err }, 'what a kill left behind stays'));
  return lock;
}

async function serve(context: Context, tls: Tls | null, close: () => Promise<void>): Promise<void> {
  const { config, log } = context;
  const app = await createApp(context, tls);
  // Before the address is told: a SIGHUP would end a program that does not listen for it.
  const renewing = startRenewing(context, tls, app.server);
  // Before the first request: what a longer pause has let expire is never served.
  await resign(context);
  await warnOfExpiries(context);
  await checkpointAudit(context);
  const jobs = await createJobs(context, JOB_KINDS);
  // Apart from the others: whoever takes their time to answer keeps nothing from being signed.
  const sending: Jobs[] = [];
  for (const kinds of SENDING_LANES) sending.push(await createJobs(context, kinds));
  const hurry = () =>
    jobs
      .hurry('guard')
      .catch((err) => log.warn({ job: 'guard', err }, 'could not look at once; its time comes'));
  context.failures.add(hurry);
  print(`listening on ${await listen(app, config)}`);
  await tellReady(process.env);
  const watching = startWatching(context);
  const following = startFollowing(context);

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref();
    context.failures.delete(hurry);
    await Promise.all([jobs, ...sending].map((one) => one.stop()));
    await watching.stop();
    await renewing.stop();
    await following.stop();
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
