// Root, timestamp and snapshot: fetched, judged, made durable, in the order of TUF §5.3 to §5.5.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { FileMeta, Root, Snapshot, Timestamp } from '../../../shared/trust/metadata.ts';
import {
  verifyCachedSnapshot,
  verifyFresh,
  verifySnapshot,
  verifyTimestamp,
} from '../../../shared/trust/rules.ts';
import { verifyFile } from '../../../shared/trust/target.ts';
import type { MetadataSource, Timed } from './metadata-source.ts';
import { SNAPSHOT_FILE, TIMESTAMP_FILE } from './names.ts';
import { advanceRoot, loadRoot, orNull } from './root-chain.ts';
import type { TrustStore } from './trust-store.ts';

/** A vendor that changes its root every day is caught up with in one refresh after most of a year. */
const MAX_ROOTS_PER_REFRESH = 256;

export interface TrustOptions {
  readonly store: TrustStore;
  readonly source: MetadataSource;
  /** Where trust starts when the store is empty. */
  readonly initialRoot?: Uint8Array;
}

/** Not safe for concurrent calls. */
export class TopLevel {
  readonly #options: TrustOptions;
  #root: Root;
  #timestamp: { readonly metadata: Timestamp; readonly etag: string | null } | null = null;
  /** With its bytes: the next timestamp may name the same version by its hash. */
  #snapshot: { readonly metadata: Snapshot; readonly bytes: Uint8Array } | null = null;

  private constructor(options: TrustOptions, root: Root) {
    this.#options = options;
    this.#root = root;
  }

  /** Loads trust from disk, without the network. Errors: trust/no-root, disk/*. */
  static async open(options: TrustOptions): Promise<TopLevel> {
    const root = await loadRoot(options.store, options.initialRoot);
    const topLevel = new TopLevel(options, root);
    await topLevel.#loadOnlineFiles();
    return topLevel;
  }

  get root(): Root {
    return this.#root;
  }

  get timestamp(): Timestamp | null {
    return this.#timestamp?.metadata ?? null;
  }

  /** The trusted snapshot if it is the one that the trusted timestamp names. */
  get snapshot(): Snapshot | null {
    const expected = this.timestamp?.snapshot;
    if (this.#snapshot === null || expected === undefined) return null;
    const { metadata, bytes } = this.#snapshot;
    const isNamed = metadata.version === expected.version && isFile(bytes, expected);
    return isNamed ? metadata : null;
  }

  /** The time metadata is judged by: never before the trusted timestamp was signed, whatever the clock says. */
  referenceAt(now: EpochMs): EpochMs {
    return Math.max(now, this.timestamp?.signedAt ?? now);
  }

  /** Errors: trust/*, transport/*, disk/*; trust that was reached stays. */
  async refresh(now: EpochMs): Promise<void> {
    await this.#updateRoot();
    // After the recovery: a signing time that an attacker put in the far future must not outlive the attacker's key.
    verifyFresh('root', this.#root.expires, this.referenceAt(now));
    const timestamp = await this.#updateTimestamp(now);
    verifyFresh('timestamp', timestamp.expires, this.referenceAt(now));
    const snapshot = await this.#updateSnapshot(timestamp.snapshot, now);
    verifyFresh('snapshot', snapshot.expires, this.referenceAt(now));
  }

  /** Cached metadata is verified against the current root, every time: new keys disown what old keys signed. */
  async #loadOnlineFiles(): Promise<void> {
    const verifyCachedTimestamp = (bytes: Uint8Array) => verifyTimestamp(this.#root, null, bytes);
    const timestamp = await this.#loadFile(TIMESTAMP_FILE, verifyCachedTimestamp);
    this.#timestamp = timestamp === null ? null : { metadata: timestamp.metadata, etag: null };
    this.#snapshot = await this.#loadFile(SNAPSHOT_FILE, (bytes) => verifyCachedSnapshot(this.#root, bytes));
  }

  async #loadFile<Metadata>(file: string, verify: (bytes: Uint8Array) => Metadata) {
    const bytes = await this.#options.store.read(file);
    if (bytes === null) return null;
    const metadata = orNull(() => verify(bytes));
    if (metadata !== null) return { metadata, bytes };
    await this.#options.store.remove(file);
    return null;
  }

  async #updateRoot(): Promise<void> {
    const { store, source } = this.#options;
    const start = this.#root;
    try {
      for (let i = 0; i < MAX_ROOTS_PER_REFRESH; i++) {
        const bytes = await source.root(this.#root.version + 1);
        if (bytes === null) break;
        this.#root = await advanceRoot(store, this.#root, bytes);
      }
    } finally {
      if (this.#root !== start) await this.#loadOnlineFiles();
    }
  }

  async #updateTimestamp(now: EpochMs): Promise<Timestamp> {
    const { source } = this.#options;
    const trusted = this.#timestamp;
    if (trusted === null || trusted.etag === null)
      return this.#acceptTimestamp(await source.timestamp(), now);
    const answer = await source.timestampUnless(trusted.etag);
    return answer === null ? trusted.metadata : this.#acceptTimestamp(answer, now);
  }

  async #acceptTimestamp({ bytes, etag }: Timed, now: EpochMs): Promise<Timestamp> {
    const { store } = this.#options;
    const metadata = verifyTimestamp(this.#root, this.timestamp, bytes);
    if (metadata !== this.timestamp) {
      verifyFresh('timestamp', metadata.expires, this.referenceAt(now));
      await store.write(TIMESTAMP_FILE, bytes);
    }
    this.#timestamp = { metadata, etag };
    return metadata;
  }

  async #updateSnapshot(expected: FileMeta, now: EpochMs): Promise<Snapshot> {
    if (this.snapshot !== null) return this.snapshot;
    const { store, source } = this.#options;
    const bytes = await source.snapshot(expected, this.#root.consistentSnapshot);
    const trusted = this.#snapshot?.metadata ?? null;
    const metadata = verifySnapshot(this.#root, expected, trusted, bytes);
    verifyFresh('snapshot', metadata.expires, this.referenceAt(now));
    await store.write(SNAPSHOT_FILE, bytes);
    this.#snapshot = { metadata, bytes };
    return metadata;
  }
}

function isFile(bytes: Uint8Array, expected: FileMeta): boolean {
  const verify = () => {
    verifyFile(bytes, expected, SNAPSHOT_FILE);
    return bytes;
  };
  return orNull(verify) !== null;
}
