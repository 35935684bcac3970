// What a running server is made of: its configuration, its database, its publisher, the clock and the log.
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { EpochMs } from '../shared/encoding/instant.ts';
import { createQuota, REPORT_QUOTAS, type TakeQuota } from './core/quota.ts';
import { findChange } from './db/changes.ts';
import { openDatabase, type Place } from './db/database.ts';
import { createGroupCommit, type GroupCommit } from './db/group-commit.ts';
import { recordPublication } from './db/publications.ts';
import type { ReceivedReport } from './db/records.ts';
import { writeReports } from './db/reports.ts';
import type { Database } from './db/tables.ts';
import type { WriteFile } from './repository/commit.ts';
import { type Layout, layoutOf } from './repository/layout.ts';
import type { OnlineKeys } from './repository/online-keys.ts';
import { clearUploads } from './repository/pack-upload.ts';
import { type PassphraseSource, passphraseSource } from './repository/passphrase.ts';
import { createPublicFiles, type PublicFiles } from './repository/public-files.ts';
import { createPublisher, type Publisher } from './repository/publisher.ts';

export interface ServerConfig {
  readonly layout: Layout;
  /** The embedded file, or the address of a PostgreSQL database. */
  readonly database: string;
  readonly passphrase: PassphraseSource;
  readonly host: string;
  readonly port: number;
  /** Addresses and networks of reverse proxies that say who the caller is. */
  readonly trustProxy: readonly string[];
}

export interface Context {
  readonly config: ServerConfig;
  readonly now: () => EpochMs;
  readonly log: Logger;
  readonly db: Database;
  readonly publisher: Publisher;
  readonly files: PublicFiles;
  /** Answers the highest sequence held for the instance, once it is on disk. */
  readonly reports: GroupCommit<ReceivedReport, number>;
  readonly reportQuota: TakeQuota;
}

export interface Surroundings {
  readonly now: () => EpochMs;
  readonly log: Logger;
  /** Defaults to the durable write. */
  readonly write?: WriteFile;
  /** Defaults to the caller's own thread. */
  readonly database?: Place;
}

/** What the command line and the environment say; the command line goes first. */
export interface Settings {
  readonly dir: string;
  readonly passphraseFile?: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly trustProxy?: readonly string[] | undefined;
}

export function toConfig(settings: Settings, environment: NodeJS.ProcessEnv): ServerConfig {
  const layout = layoutOf(resolve(settings.dir));
  return {
    layout,
    database: layout.database,
    passphrase: passphraseSource(settings.passphraseFile, environment),
    host: settings.host,
    port: settings.port,
    trustProxy: settings.trustProxy ?? [],
  };
}

/** Opens what `init` made, with its unsealed keys. Error: disk/*. */
export async function createContext(
  config: ServerConfig,
  keys: OnlineKeys,
  surroundings: Surroundings,
): Promise<Context> {
  const { layout } = config;
  const { now, log } = surroundings;
  await clearUploads(layout);
  const db = await openDatabase(config.database, surroundings.database);
  const files = createPublicFiles(layout.repository, () => performance.now());
  const publisher = await createPublisher({
    layout,
    onChange: () => files.changed(),
    keys,
    now,
    findChange: (id) => findChange(db, id),
    recordCommit: (commit) => recordPublication(db, commit, now()),
    ...(surroundings.write === undefined ? {} : { write: surroundings.write }),
  });
  const reports = createGroupCommit(db, writeReports);
  return { config, now, log, db, publisher, files, reports, reportQuota: createQuota(REPORT_QUOTAS, now) };
}
