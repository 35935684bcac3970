// Root, timestamp and snapshot: fetched, judged and written, in the order of TUF §5.3 to §5.5.

import { equalBytes } from '../../../shared/encoding/bytes.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { orNull } from '../../../shared/errors/error.ts';
import type { FileMeta, Root, Snapshot, Timestamp } from '../../../shared/trust/metadata.ts';
import {
  verifyCachedSnapshot,
  verifyFresh,
  verifySnapshot,
  verifyTimestamp,
} from '../../../shared/trust/rules.ts';
import { verifyFile } from '../../../shared/trust/target.ts';
import { SNAPSHOT_FILE, TIMESTAMP_FILE } from '../../core/repository-names.ts';
import type { RepositorySource, VerifyTargets } from '../../ports/server.ts';
import type { TrustStore } from '../../ports/state.ts';
import { createMetadataSource, type MetadataSource, type Timed } from './metadata-source.ts';
import { advanceRoot, loadRoot } from './root-chain.ts';

/** A vendor that changes its root every day is caught up with in one refresh after most of a year. */
const MAX_ROOTS_PER_REFRESH = 256;

/**
 * A lying name for the timestamp's bytes turns honest answers into "nothing new". It hides a version for this long at most;
 * so few bytes may be asked for again that often.
 */
const VALIDATOR_BELIEVED_MS = 15 * 60_000;
const MAX_VALIDATOR_CHARACTERS = 128;

export interface TrustOptions {
  readonly store: TrustStore;
  readonly source: Pick<RepositorySource, 'metadata'>;
  /** Where trust starts when the store is empty. */
  readonly initialRoot?: Uint8Array;
  /** Defaults to the rules themselves, in the caller's turn. */
  readonly verifyTargets?: VerifyTargets;
}

/** What the source calls the very bytes that are trusted, since when. */
interface Validator {
  readonly etag: string;
  readonly since: EpochMs;
}

/** Not safe for concurrent calls. */
export class TopLevel {
  readonly #store: TrustStore;
  readonly #source: MetadataSource;
  #root: Root;
  /** Of the roots that came over the network: what trust starts from is kept elsewhere, or on the disk already. */
  #isRootDurable = true;
  /** With its bytes: a validator stands only beside the bytes it came with. */
  #timestamp: { readonly metadata: Timestamp; readonly bytes: Uint8Array } | null = null;
  #validator: Validator | null = null;
  /** With its bytes: the next timestamp may name the same version by its hash. */
  #snapshot: { readonly metadata: Snapshot; readonly bytes: Uint8Array } | null = null;
  /** The root that both were verified under: with another one, nothing is held of them until the disk was read. */
  #verifiedUnder: Root | null = null;

  private constructor(options: TrustOptions, root: Root) {
    this.#store = options.store;
    this.#source = createMetadataSource(options.source);
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

  /** Whoever acts on it flushes first. Errors: trust/*, transport/*, disk/*; trust that was reached stays. */
  async refresh(now: EpochMs): Promise<void> {
    await this.#updateRoot();
    // After the recovery: a signing time that an attacker put in the far future must not outlive the attacker's key.
    verifyFresh('root', this.#root.expires, this.referenceAt(now));
    const timestamp = await this.#updateTimestamp(now);
    await this.#updateSnapshot(timestamp.snapshot, now);
  }

  /** After any surprise: the next refresh asks for the timestamp without condition. */
  dropValidator(): void {
    this.#validator = null;
  }

  /** Cached metadata is verified against the current root, every time: new keys disown what old keys signed. */
  async #loadOnlineFiles(): Promise<void> {
    [this.#validator, this.#timestamp, this.#snapshot] = [null, null, null];
    const root = this.#root;
    [this.#timestamp, this.#snapshot] = await Promise.all([
      this.#loadFile(TIMESTAMP_FILE, (bytes) => verifyTimestamp(root, null, bytes)),
      this.#loadFile(SNAPSHOT_FILE, (bytes) => verifyCachedSnapshot(root, bytes)),
    ]);
    this.#verifiedUnder = root;
  }

  async #loadFile<Metadata>(file: string, verify: (bytes: Uint8Array) => Metadata) {
    const bytes = await this.#store.read(file);
    if (bytes === null) return null;
    const metadata = orNull(() => verify(bytes));
    if (metadata !== null) return { metadata, bytes };
    this.#store.remove(file);
    return null;
  }

  async #updateRoot(): Promise<void> {
    // Beside what is asked for. What fails here waits, and fails the flush that ends the refresh.
    const flushed = () => {
      const done = this.#store.flush().then(() => {
        this.#isRootDurable = true;
      });
      done.catch(() => undefined);
      return done;
    };
    // What an earlier refresh could not write as well.
    let durable = this.#isRootDurable ? Promise.resolve() : flushed();
    try {
      for (let i = 0; i < MAX_ROOTS_PER_REFRESH; i++) {
        const bytes = await this.#source.root(this.#root.version + 1);
        if (bytes === null) break;
        await durable;
        this.#root = await advanceRoot(this.#store, this.#root, bytes);
        this.#isRootDurable = false;
        durable = flushed();
      }
    } finally {
      if (this.#root !== this.#verifiedUnder) await this.#loadOnlineFiles();
    }
  }

  async #updateTimestamp(now: EpochMs): Promise<Timestamp> {
    const trusted = this.#timestamp;
    const answer = await this.#source.timestamp(this.#validatorAt(now));
    const bytes = answer?.bytes ?? trusted?.bytes;
    if (bytes === undefined) throw new Error('nothing is trusted that could be unchanged');
    // The very bytes that are trusted were verified under this root.
    const metadata =
      trusted !== null && equalBytes(bytes, trusted.bytes)
        ? trusted.metadata
        : verifyTimestamp(this.#root, this.timestamp, bytes);
    // Freeze attack, whether it is new or what time has passed by. Judged before it is kept.
    verifyFresh('timestamp', metadata.expires, this.referenceAt(now));
    if (metadata !== trusted?.metadata) {
      await this.#store.write(TIMESTAMP_FILE, bytes);
      this.#timestamp = { metadata, bytes };
    }
    if (answer !== null) this.#keepValidator(answer, now);
    return metadata;
  }

  #validatorAt(now: EpochMs): string | null {
    if (this.#validator === null) return null;
    const { etag, since } = this.#validator;
    return now >= since && now - since < VALIDATOR_BELIEVED_MS ? etag : null;
  }

  #keepValidator({ bytes, etag }: Timed, now: EpochMs): void {
    const isOfTrusted = this.#timestamp !== null && equalBytes(this.#timestamp.bytes, bytes);
    const isUsable = etag !== null && etag.length <= MAX_VALIDATOR_CHARACTERS;
    this.#validator = isOfTrusted && isUsable ? { etag, since: now } : null;
  }

  async #updateSnapshot(expected: FileMeta, now: EpochMs): Promise<void> {
    const named = this.snapshot;
    const bytes =
      named === null ? await this.#source.snapshot(expected, this.#root.consistentSnapshot) : null;
    const trusted = this.#snapshot?.metadata ?? null;
    const metadata = bytes === null ? named : verifySnapshot(this.#root, expected, trusted, bytes);
    if (metadata === null) return;
    verifyFresh('snapshot', metadata.expires, this.referenceAt(now));
    if (bytes === null) return;
    await this.#store.write(SNAPSHOT_FILE, bytes);
    this.#snapshot = { metadata, bytes };
  }
}

function isFile(bytes: Uint8Array, expected: FileMeta): boolean {
  const verify = () => {
    verifyFile(bytes, expected, SNAPSHOT_FILE);
    return bytes;
  };
  return orNull(verify) !== null;
}
