// The publisher: takes a publication in whole or not at all, and keeps snapshot and timestamp signed.

import { makeDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { createTurns } from '../../shared/node/turns.ts';
import type {
  OnlineKeysReply,
  PublicationReply,
  PublicationRequest,
} from '../../shared/protocol/publication.ts';
import { finishCommit, PUBLIC_MODE, type RecordCommit, type WriteFile, writeCommit } from './commit.ts';
import { metadataDirectory, metadataFile, timestampFile } from './layout.ts';
import { publicHalves } from './online-keys.ts';
import { isSnapshotDue, isTimestampDue, signSnapshot, signTimestamp } from './online-metadata.ts';
import { isEmpty, type PublicationContext, planPublication, writePublication } from './publication.ts';
import { loadState, type RepositoryState } from './state.ts';

export interface Publisher {
  readonly onlineKeys: OnlineKeysReply;
  /** What is published right now; null before the first publication. */
  state(): RepositoryState | null;
  /** Repeating a publication changes nothing. Errors: trust/*, publication/*, document/*, vendor/*, disk/*. */
  publish(request: PublicationRequest, actor: string): Promise<PublicationReply>;
  /** Signs what is due. Error: disk/*. */
  resign(): Promise<'signed' | 'fresh' | 'empty'>;
}

export interface PublisherOptions extends PublicationContext {
  readonly recordCommit: RecordCommit;
  /** What the repository serves is another since now. */
  readonly onChange?: () => void;
  /** Defaults to the durable write. */
  readonly write?: WriteFile;
}

/** Finishes what an earlier process had committed, then stands ready. */
export async function createPublisher(options: PublisherOptions): Promise<Publisher> {
  const { layout, keys, now, recordCommit } = options;
  const write = options.write ?? writeDurably;
  // Two signers side by side would give one version to two different files.
  const inTurn = createTurns();
  await makeDirectory(metadataDirectory(layout), 0o755);
  await finishCommit(layout, recordCommit, write);
  let state = await loadState(layout);

  /** Makes a committed publication visible: this one, or one whose process failed before it was done. */
  async function settle(): Promise<void> {
    if (!(await finishCommit(layout, recordCommit, write))) return;
    options.onChange?.();
    state = await loadState(layout);
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
    const renewed = isSnapshotDue(snapshot.content, at);
    if (!renewed && !isTimestampDue(timestamp.content, at)) return 'fresh';
    if (renewed) {
      snapshot = signSnapshot(keys, state.roles, snapshot.content, at);
      await write(metadataFile(layout, 'snapshot', snapshot.content.version), snapshot.bytes, PUBLIC_MODE);
    }
    timestamp = signTimestamp(keys, snapshot, timestamp.content, at);
    await write(timestampFile(layout), timestamp.bytes, PUBLIC_MODE);
    options.onChange?.();
    state = { ...state, snapshot, timestamp };
    return 'signed';
  }

  return {
    onlineKeys: publicHalves(keys),
    state: () => state,
    publish: (request, actor) => inTurn(() => publish(request, actor)),
    resign: () => inTurn(resign),
  };
}

function replyOf(state: RepositoryState | null): PublicationReply {
  if (state === null) throw new Error('a publication that passed leaves something published');
  return { snapshot: state.snapshot.content.version, timestamp: state.timestamp.content.version };
}
