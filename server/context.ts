// What a running server is made of: its configuration, its database, its publisher, the clock and the log.
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { type EpochMs, formatInstantMs } from '../shared/encoding/instant.ts';
import type { MailSettings } from '../shared/schema/mail.ts';
import type { Backups } from './backup/keeper.ts';
import { type DatabaseAddress, fileAddress } from './core/database-address.ts';
import { type Downloads, PUBLIC_DOWNLOADS } from './core/downloads.ts';
import type { Identity, Person } from './core/identity.ts';
import { type CallerQuotas, createQuotas } from './core/quota.ts';
import { directoryAddress, isS3, type RepositoryAddress } from './core/repository-address.ts';
import type { SignInState } from './core/sign-in-state.ts';
import { createHearing, type Hearing } from './core/survey.ts';
import { type Transport, type TransportSettings, transportOf } from './core/transport.ts';
import { openDatabase, type Place } from './db/database.ts';
import { type EventFilter, readEvents, settleEvents } from './db/events.ts';
import { createGroupCommit, type GroupCommit } from './db/group-commit.ts';
import { createNotices, databaseClock, type Notices } from './db/neighbours.ts';
import { createPassKeys, type PassKeys } from './db/pass-keys.ts';
import { createReportReader, type ReadReport } from './db/report-reader.ts';
import { type Received, type Taken, takeReports, tellsOfFailure } from './db/reports.ts';
import { noteHeard } from './db/surveys.ts';
import type { Database } from './db/tables.ts';
import { createEventStreams, type EventStreams } from './hub/event-streams.ts';
import { createHub, type Hub } from './hub/hub.ts';
import { createWebhookDoor } from './hub/webhook-door.ts';
import { createWebhookSender, type WebhookSender } from './hub/webhook-sender.ts';
import { createDiskReader, type ReadDisks } from './repository/disks.ts';
import { type Layout, layoutOf } from './repository/layout.ts';
import { createOfferReader, type ReadOffers } from './repository/offers.ts';
import { openStore } from './repository/open-store.ts';
import { type PassphraseSource, passphraseSource, sealingOf } from './repository/passphrase.ts';
import { createPublicFiles, type PublicFiles } from './repository/public-files.ts';
import type { Publisher } from './repository/publisher.ts';
import { createReceiptSigner, type SignReceipt } from './repository/receipt-signer.ts';
import { newsBetween, type Published } from './repository/state.ts';
import type { RepositoryStore } from './repository/store.ts';
import { clearUploads } from './repository/uploads.ts';

export interface ServerConfig extends Transport {
  readonly layout: Layout;
  readonly database: DatabaseAddress;
  readonly repository: RepositoryAddress;
  readonly passphrase: PassphraseSource;
  /** The file about the identity provider; null without one. */
  readonly oidc: string | null;
  readonly host: string;
  readonly port: number;
  /** Inner networks that webhooks may reach. */
  readonly webhookNetworks: readonly string[];
}

/** Where people and programs sign in that have no token of this server. */
export interface SignIn {
  /** Errors: auth/refused, auth/provider-unreachable. */
  verify(text: string, now: EpochMs): Promise<Person>;
  /** Null where nobody signs in with a browser. */
  readonly browser: BrowserSignIn | null;
}

/** Where people sign in with a browser. */
export interface BrowserSignIn {
  /** The provider, as it names itself. */
  readonly issuer: string;
  /** Where people reach this server. */
  readonly origin: string;
  /** How long a sign-in lasts at most. */
  readonly lastsMs: number;
  /** The provider's address to send a browser to. Error: auth/provider-unreachable. */
  begin(begun: SignInState, now: EpochMs): Promise<string>;
  /**
   * Who came back with this query of the callback. Errors: auth/sign-in-refused, auth/no-role,
   * auth/provider-unreachable.
   */
  complete(query: unknown, begun: SignInState, now: EpochMs): Promise<Identity>;
  /** What somebody holds by the configuration of now. */
  personOf(identity: Identity): Person;
  /** Where a person ends what they have with the provider itself; null where it says nothing of that. */
  signOutAddress(now: EpochMs): Promise<string | null>;
}

export interface Context {
  readonly config: ServerConfig;
  readonly now: () => EpochMs;
  readonly log: Logger;
  readonly db: Database;
  readonly publisher: Publisher;
  readonly notices: Notices;
  readonly store: RepositoryStore;
  readonly files: PublicFiles;
  readonly readOffers: ReadOffers;
  readonly hearing: Hearing;
  /** The agents that listen to this process. */
  readonly hub: Hub;
  /** Who reads along here what happens. */
  readonly events: EventStreams<EventFilter>;
  /** Told when a report that was taken here says that a deployment failed. */
  readonly failures: Set<() => void>;
  /** Answers once the report is on disk. */
  readonly reports: GroupCommit<Received, Taken>;
  readonly quotas: CallerQuotas;
  readonly passKeys: PassKeys;
  /** What this server’s own secrets are sealed with in the database. */
  readonly sealing: () => Promise<Uint8Array>;
  readonly webhooks: WebhookSender;
  readonly readReport: ReadReport;
  /** For reports that name the head of their log. */
  readonly signReceipt: SignReceipt;
  /** Null where nobody signs in with an identity provider. */
  readonly signIn: SignIn | null;
  readonly downloads: Downloads;
  /** Null where none are kept. */
  readonly backups: Backups | null;
  readonly readDisks: ReadDisks;
}

/** What a publisher works on. */
export interface Opening {
  readonly config: ServerConfig;
  readonly db: Database;
  readonly store: RepositoryStore;
}

export interface Surroundings {
  /** Nobody signs in elsewhere unless given. */
  readonly signIn?: SignIn | null;
  /** Everybody may download unless given. */
  readonly downloads?: Downloads;
  /** Defaults to the clock that all processes on the database go by. */
  readonly now?: () => EpochMs;
  readonly log: Logger;
  /** What keys of the server's are sealed with in the database; of the passphrase unless given. */
  readonly sealing?: () => Promise<Uint8Array>;
  /** Defaults to the caller's own thread. */
  readonly database?: Place;
  /** Defaults to the one of the configuration. */
  readonly store?: RepositoryStore;
  /** None is sent unless given. */
  readonly mail?: MailSettings | null;
  /** None are kept unless given. */
  readonly openBackups?: (opening: Pick<Opening, 'config' | 'db'>, now: () => EpochMs) => Backups;
  /** `onChange` is to be called when the repository serves something else. */
  readonly openPublisher: (opening: Opening, onChange: (published: Published) => void) => Promise<Publisher>;
}

/** What the command line and the environment say; the command line goes first. */
export interface Settings extends TransportSettings {
  readonly dir: string;
  readonly passphraseFile?: string | undefined;
  readonly oidc?: string | undefined;
  readonly oidcSecretFile?: string | undefined;
  readonly port: number;
  readonly webhookNetworks?: readonly string[] | undefined;
}

/** Errors: server/half-tls, server/needs-tls. */
export function toConfig(
  settings: Settings,
  environment: NodeJS.ProcessEnv,
  places: { readonly database?: DatabaseAddress; readonly repository?: RepositoryAddress } = {},
): ServerConfig {
  const layout = layoutOf(resolve(settings.dir));
  return {
    layout,
    ...{ database: fileAddress(layout.database), repository: directoryAddress(layout.dir), ...places },
    passphrase: passphraseSource(settings.passphraseFile, environment),
    oidc: settings.oidc ?? null,
    host: settings.host,
    port: settings.port,
    webhookNetworks: settings.webhookNetworks ?? [],
    ...transportOf(settings),
  };
}

/** Other processes receive into the same directory; a sender that is silent for a minute is cut off. */
const OTHERS_UPLOAD_MS = 60 * 60 * 1000;

/** Opens what `init` made. Errors: disk/*, and those of opening the publisher. */
export async function createContext(config: ServerConfig, surroundings: Surroundings): Promise<Context> {
  const { log } = surroundings;
  await clearUploads(config.layout, config.database.kind === 'file' ? 0 : OTHERS_UPLOAD_MS, Date.now());
  const db = await openDatabase(config.database, surroundings.database);
  const store = surroundings.store ?? openStore(config.repository);
  const files = createPublicFiles(store, () => performance.now());
  const hub = createHub();
  let before: Published | null = null;
  const onChange = (published: Published) => {
    files.changed();
    const urgency = before === null ? null : newsBetween(before, published);
    before = published;
    if (urgency !== null && published.version !== null) {
      hub.tellAll({ timestamp: published.version }, urgency);
    }
  };
  const hearing = createHearing();
  const readClock = async () => {
    const clock = surroundings.now ?? (await databaseClock(db));
    await noteHeard(db, hearing, clock());
    return clock;
  };
  const opened = Promise.all([readClock(), surroundings.openPublisher({ config, db, store }, onChange)]);
  const [now, publisher] = await opened.catch(async (error: unknown) => {
    // Left open, its threads would keep the program from ending.
    await db.destroy();
    await store.close();
    throw error;
  });
  const sealing = surroundings.sealing ?? sealingOf(config, publisher);
  const door = createWebhookDoor({ networks: config.webhookNetworks, environment: process.env });
  const failures = new Set<() => void>();
  return {
    ...{ config, now, log, db, publisher, store, files, hub, hearing, failures },
    ...{ reports: createGroupCommit(takingReports(db, failures)), readOffers: createOfferReader(store) },
    quotas: createQuotas(now),
    passKeys: createPassKeys(db, sealing, now),
    ...{ sealing, webhooks: createWebhookSender({ door, mail: surroundings.mail ?? null, sealing, now }) },
    notices: createNotices(db, config.database),
    events: createEventStreams<EventFilter>({
      settle: (settled) => settleEvents(db, settled),
      read: (ask) => readEvents(db, ask),
      now: () => performance.now(),
      instant: () => formatInstantMs(now()),
    }),
    ...{ readReport: createReportReader(), signReceipt: createReceiptSigner(publisher.receiptKey) },
    signIn: surroundings.signIn ?? null,
    downloads: surroundings.downloads ?? PUBLIC_DOWNLOADS,
    ...keptBeside(config, surroundings.openBackups?.({ config, db }, now) ?? null),
  };
}

/** The backups, and how much room is left; what is kept in a bucket is on somebody else's disk. */
function keptBeside({ layout, repository }: ServerConfig, backups: Backups | null) {
  const places = [
    { disk: 'directory', path: layout.dir },
    ...(repository.kind === 'directory' ? [{ disk: 'repository', path: repository.path }] : []),
    ...(backups === null || isS3(backups.place) ? [] : [{ disk: 'backups', path: backups.place }]),
  ];
  return { backups, readDisks: createDiskReader(places) };
}

function takingReports(db: Database, failures: ReadonlySet<() => void>) {
  return async (batch: readonly Received[]) => {
    const taken = await takeReports(db, batch);
    if (batch.some(tellsOfFailure)) for (const tell of failures) tell();
    return taken;
  };
}
