// The publisher: takes a publication in whole or not at all, and keeps snapshot and timestamp signed.

import { equalBytes } from '../../shared/encoding/bytes.ts';
import type { JsonLimits } from '../../shared/encoding/json.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { readRegular } from '../../shared/node/read-file.ts';
import { createTurns } from '../../shared/node/turns.ts';
import {
  type OnlineKeysReply,
  type PublicationReply,
  type PublicationRequest,
  publicationRequest,
} from '../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import {
  type Commit,
  finishCommit,
  finishLeft,
  type RecordCommit,
  showUnder,
  type Turn,
  versionOf,
  writeCommit,
} from './commit.ts';
import { type HaltOrder, signHalts } from './halting.ts';
import { COMMIT, metadataName, TIMESTAMP } from './names.ts';
import { publicHalf, publicHalves } from './online-keys.ts';
import { isDue, isSignedBy, nextVersion, signSnapshot, signTimestamp } from './online-metadata.ts';
import { findUnreferenced, type Pruned, removeUnreferenced } from './prune.ts';
import {
  isEmpty,
  type PublicationContext,
  type Publishing,
  planPublication,
  writePublication,
} from './publication.ts';
import {
  describeState,
  loadState,
  mayHalt,
  type Published,
  type RepositoryState,
  type Roles,
} from './state.ts';

/** Twenty thousand documents of a few kilobytes, in base64. */
export const MAX_PUBLICATION_BYTES = 128 * 2 ** 20;

/** Change records are the densest that a vendor sends: a value in twenty-four bytes. */
const LIMITS: JsonLimits = {
  maxBytes: MAX_PUBLICATION_BYTES,
  maxDepth: 32,
  maxNodes: 8_000_000,
  minBytesPerNode: 16,
};

export interface Publisher {
  readonly onlineKeys: OnlineKeysReply;
  /** What receipts are signed with, by whoever takes reports: the key of the timestamp, which agents know. */
  readonly receiptKey: SigningKey;
  /** The public half of the key for halts; null where `init` made none. */
  readonly haltsKey: string | null;
  /** What is published right now. */
  published(): Published;
  /**
   * Takes the publication that a file holds. Repeating one changes nothing.
   * Errors: json/*, trust/*, publication/*, document/*, vendor/*, disk/*.
   */
  publishFile(file: string, actor: string): Promise<PublicationReply>;
  /**
   * Signs halts and publishes them, as far as each follows what is published; answers how many. None where the vendor did not
   * name the key for it. Errors: those of a publication.
   */
  halt(orders: readonly HaltOrder[]): Promise<number>;
  /** Signs what is due. Error: disk/*. */
  resign(): Promise<'signed' | 'fresh' | 'empty'>;
  /** Removes what nothing refers to and nobody may still ask for, a part of it. Errors: server/repository-*, disk/*. */
  prune(): Promise<Pruned>;
  /** Looks whether another process published into the same repository, or died in the middle of that. Error: disk/*. */
  follow(): Promise<void>;
  /** Answers once nothing more is written. */
  stop(): Promise<void>;
}

/** One that works where its caller does, who sees everything. */
export interface LocalPublisher extends Publisher {
  /** Null before the first publication. */
  state(): RepositoryState | null;
  publish(request: PublicationRequest, actor: string): Promise<PublicationReply>;
  /** Signs what is published, due or not. Errors: as of `resign`. */
  renew(): Promise<void>;
}

/** Does the work alone among all processes that publish here. */
export type InTurn = <Result>(work: (turn: Turn) => Promise<Result>) => Promise<Result>;

export interface PublisherOptions extends PublicationContext {
  readonly inTurn: InTurn;
  readonly recordCommit: RecordCommit;
  /** Puts a publication where a restored server finds it, before anybody sees it. Error: backup/not-kept. */
  readonly keepCommit?: (commit: Commit) => Promise<void>;
  /** Tells the other processes that what the repository serves is another. */
  readonly announce?: () => Promise<void>;
  /** What the repository serves is another since now. */
  readonly onChange?: (published: Published) => void;
}

/** Finishes what an earlier process had committed, then stands ready. */
export async function createPublisher(options: PublisherOptions): Promise<LocalPublisher> {
  const { store, keys, now, recordCommit, announce = async () => undefined } = options;
  const { keepCommit = async () => undefined } = options;
  // Two signers side by side would give one version to two different files.
  const inLine = createTurns();
  let state: RepositoryState | null = null;
  const haltsKey = keys.halts === undefined ? null : publicHalf(keys.halts);

  function changeTo(next: RepositoryState | null): void {
    state = next;
    options.onChange?.(describeState(state, haltsKey));
  }

  /** What was published last: here, as it was `planned`, by another process, or by one that died before it was done. */
  async function settle(turn: Turn, planned?: Roles): Promise<void> {
    await finishLeft({ store, turn, record: recordCommit });
    if ((await reload(planned)) || state === null) return;
    // Written by a process that slept through the end of its turn: clients must not find it for long.
    await showUnder(TIMESTAMP, state.timestamp.bytes, { store, turn });
  }

  /** False where what is shown is older than what was: nothing of it is taken. */
  async function reload(known = state?.roles): Promise<boolean> {
    const shown = (await store.read(TIMESTAMP))?.bytes ?? null;
    if (shown !== null && state !== null) {
      if (equalBytes(shown, state.timestamp.bytes)) return true;
      if (versionOf(shown) < state.timestamp.content.version) return false;
    }
    changeTo(await loadState(store, known));
    return true;
  }

  /** What somebody else put there would be signed with all that follows. */
  function verifyOurs(shown: RepositoryState | null): void {
    if (shown === null || isSignedBy(keys.timestamp, shown.timestamp.bytes)) return;
    throw new FairleadError('server/repository-strange', { repository: store.place });
  }

  async function publish(request: PublicationRequest, by: Publishing, turn: Turn): Promise<PublicationReply> {
    await settle(turn);
    const plan = await planPublication(request, state, options);
    // A root that names this server's new keys is what an exchange of them waits for.
    if (plan.metadata?.roots.length === 0) verifyOurs(state);
    if (!isEmpty(plan)) {
      const commit = await writePublication(plan, state, by, { ...options, turn });
      await keepCommit(commit);
      await writeCommit(store, turn, commit);
      const shown = await finishCommit(commit, { store, turn, record: recordCommit });
      if (!shown) throw new FairleadError('publication/overtaken', {});
      await settle(turn, plan.metadata?.roles);
      await announce();
    }
    return replyOf(state);
  }

  async function resign(turn: Turn, isDueAnyway = false): Promise<'signed' | 'fresh' | 'empty'> {
    await settle(turn);
    if (state === null) return 'empty';
    const at = now();
    let { snapshot, timestamp } = state;
    const expiries = { snapshot: snapshot.content.expires, timestamp: timestamp.content.expires };
    const due = isDueAnyway ? { snapshot: true, timestamp: true } : isDue(expiries, at);
    if (!due.snapshot && !due.timestamp) return 'fresh';
    verifyOurs(state);
    const version = await turn.take(nextVersion(state, at));
    if (due.snapshot) {
      snapshot = signSnapshot(keys, state.roles, version, at);
      await store.write(metadataName('snapshot', version), snapshot.bytes);
    }
    timestamp = signTimestamp(keys, snapshot, version, at);
    await showUnder(TIMESTAMP, timestamp.bytes, { store, turn });
    changeTo({ ...state, snapshot, timestamp });
    await announce();
    return 'signed';
  }

  async function halt(orders: readonly HaltOrder[], turn: Turn): Promise<number> {
    await settle(turn);
    if (state === null || keys.halts === undefined || !mayHalt(state, publicHalf(keys.halts))) return 0;
    const { request, halted } = await signHalts(orders, state, keys.halts, { store, now: now() });
    if (halted.length > 0) await publish(request, { actor: 'server', halted }, turn);
    return halted.length;
  }

  async function prune(turn: Turn): Promise<Pruned> {
    await settle(turn);
    if (state === null) return { removed: 0, left: 0 };
    verifyOurs(state);
    return removeUnreferenced(await findUnreferenced(store, state, now()), { store, turn });
  }

  const alone = <Result>(work: (turn: Turn) => Promise<Result>) => inLine(() => options.inTurn(work));
  await alone((turn) => settle(turn));
  return {
    onlineKeys: publicHalves(keys),
    receiptKey: keys.timestamp,
    state: () => state,
    published: () => describeState(state, haltsKey),
    haltsKey,
    publish: (request, actor) => alone((turn) => publish(request, { actor, halted: [] }, turn)),
    publishFile: (file, actor) =>
      alone(async (turn) => publish(await readRequest(file), { actor, halted: [] }, turn)),
    halt: (orders) => alone((turn) => halt(orders, turn)),
    resign: () => alone((turn) => resign(turn)),
    renew: () => alone(async (turn) => void (await resign(turn, true))),
    prune: () => alone(prune),
    // What is visible is whole whoever publishes meanwhile; only what is to be mended takes a turn.
    follow: async () => {
      const isFine = (await store.tagOf(COMMIT)) === null && (await inLine(() => reload()));
      if (!isFine) await alone((turn) => settle(turn));
    },
    stop: () => inLine(async () => undefined),
  };
}

async function readRequest(file: string): Promise<PublicationRequest> {
  const bytes = await readRegular(file, MAX_PUBLICATION_BYTES);
  return parseDocumentBytes(publicationRequest, bytes, 'the request body', LIMITS);
}

function replyOf(state: RepositoryState | null): PublicationReply {
  if (state === null) throw new Error('a publication that passed leaves something published');
  return { snapshot: state.snapshot.content.version, timestamp: state.timestamp.content.version };
}
