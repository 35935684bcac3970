// The publisher: takes a publication in whole or not at all, and keeps snapshot and timestamp signed.

import type { JsonLimits } from '../../shared/encoding/json.ts';
import { makeDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { readRegular } from '../../shared/node/read-file.ts';
import { createTurns } from '../../shared/node/turns.ts';
import {
  type OnlineKeysReply,
  type PublicationReply,
  type PublicationRequest,
  publicationRequest,
} from '../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { finishCommit, PUBLIC_MODE, type RecordCommit, type WriteFile, writeCommit } from './commit.ts';
import { metadataDirectory, metadataFile, timestampFile } from './layout.ts';
import { publicHalves } from './online-keys.ts';
import { isDue, signSnapshot, signTimestamp } from './online-metadata.ts';
import { isEmpty, type PublicationContext, planPublication, writePublication } from './publication.ts';
import { describeState, loadState, type Published, type RepositoryState } from './state.ts';

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
  /** What is published right now. */
  published(): Published;
  /**
   * Takes the publication that a file holds. Repeating one changes nothing.
   * Errors: json/*, trust/*, publication/*, document/*, vendor/*, disk/*.
   */
  publishFile(file: string, actor: string): Promise<PublicationReply>;
  /** Signs what is due. Error: disk/*. */
  resign(): Promise<'signed' | 'fresh' | 'empty'>;
  /** Answers once nothing more is written. */
  stop(): Promise<void>;
}

/** One that works where its caller does, who sees everything. */
export interface LocalPublisher extends Publisher {
  /** Null before the first publication. */
  state(): RepositoryState | null;
  publish(request: PublicationRequest, actor: string): Promise<PublicationReply>;
}

export interface PublisherOptions extends PublicationContext {
  readonly recordCommit: RecordCommit;
  /** What the repository serves is another since now. */
  readonly onChange?: (published: Published) => void;
  /** Defaults to the durable write. */
  readonly write?: WriteFile;
}

/** Finishes what an earlier process had committed, then stands ready. */
export async function createPublisher(options: PublisherOptions): Promise<LocalPublisher> {
  const { layout, keys, now, recordCommit } = options;
  const write = options.write ?? writeDurably;
  // Two signers side by side would give one version to two different files.
  const inTurn = createTurns();
  await makeDirectory(metadataDirectory(layout), 0o755);
  await finishCommit(layout, recordCommit, write);
  let state = await loadState(layout);
  // What an earlier one had committed may be visible since just now.
  options.onChange?.(describeState(state));

  function changeTo(next: RepositoryState | null): void {
    state = next;
    options.onChange?.(describeState(state));
  }

  /** Makes a committed publication visible: this one, or one whose process failed before it was done. */
  async function settle(): Promise<void> {
    if (!(await finishCommit(layout, recordCommit, write))) return;
    changeTo(await loadState(layout));
  }

  async function publish(request: PublicationRequest, actor: string): Promise<PublicationReply> {
    await settle();
    const plan = await planPublication(request, state, options);
    if (!isEmpty(plan)) {
      const commit = await writePublication(plan, state, actor, { ...options, write });
      await writeCommit(layout, commit, write);
      await settle();
    }
    return replyOf(state);
  }

  async function resign(): Promise<'signed' | 'fresh' | 'empty'> {
    await settle();
    if (state === null) return 'empty';
    const at = now();
    let { snapshot, timestamp } = state;
    const due = isDue({ snapshot: snapshot.content.expires, timestamp: timestamp.content.expires }, at);
    if (!due.snapshot && !due.timestamp) return 'fresh';
    if (due.snapshot) {
      snapshot = signSnapshot(keys, state.roles, snapshot.content, at);
      await write(metadataFile(layout, 'snapshot', snapshot.content.version), snapshot.bytes, PUBLIC_MODE);
    }
    timestamp = signTimestamp(keys, snapshot, timestamp.content, at);
    await write(timestampFile(layout), timestamp.bytes, PUBLIC_MODE);
    changeTo({ ...state, snapshot, timestamp });
    return 'signed';
  }

  return {
    onlineKeys: publicHalves(keys),
    state: () => state,
    published: () => describeState(state),
    publish: (request, actor) => inTurn(() => publish(request, actor)),
    publishFile: (file, actor) => inTurn(async () => publish(await readRequest(file), actor)),
    resign: () => inTurn(resign),
    stop: () => inTurn(async () => undefined),
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
