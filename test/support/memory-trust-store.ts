// A trust store in memory that can be killed before any of its writes reaches what it has for a disk.
import type { DocumentCache, TrustStore } from '../../agent/ports/state.ts';

export class Killed extends Error {}

export class MemoryTrustStore implements TrustStore {
  readonly directory = 'memory';
  /** What a kill leaves. */
  readonly files: Map<string, Uint8Array>;
  readonly #written = new Map<string, Uint8Array>();
  readonly #removed = new Set<string>();
  /** Writes and removals of `files` made so far. */
  effects = 0;
  /** The effect that does not happen any more. */
  killAt = Number.POSITIVE_INFINITY;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.files = new Map(files);
  }

  async read(file: string): Promise<Uint8Array | null> {
    const waiting = this.#written.get(file);
    if (waiting !== undefined) return waiting;
    return this.#removed.has(file) ? null : (this.files.get(file) ?? null);
  }

  async write(file: string, bytes: Uint8Array): Promise<void> {
    this.#written.set(file, Uint8Array.from(bytes));
  }

  remove(file: string): void {
    this.#written.delete(file);
    this.#removed.add(file);
  }

  async flush(): Promise<void> {
    const isKeptRoot = (file: string) => file.startsWith('root_history/');
    const files = [...this.#written.keys()];
    for (const file of files.filter(isKeptRoot)) this.#apply(file);
    for (const file of this.#removed) {
      if (this.files.has(file)) this.#beforeEffect();
      this.files.delete(file);
      this.#removed.delete(file);
    }
    for (const file of files.filter((one) => !isKeptRoot(one))) this.#apply(file);
  }

  #apply(file: string): void {
    this.#beforeEffect();
    this.files.set(file, this.#written.get(file) ?? new Uint8Array());
    this.#written.delete(file);
  }

  async rootVersions(): Promise<readonly number[]> {
    const names = [...this.files.keys()].filter((name) => name.startsWith('root_history/'));
    return names.map((name) => Number.parseInt(name.slice('root_history/'.length), 10)).sort((a, b) => a - b);
  }

  /** May be lost, so no write of it is an effect that counts. */
  readonly documents: DocumentCache = {
    names: async () =>
      new Set([...this.files.keys()].flatMap((name) => /^documents\/(.+)/.exec(name)?.[1] ?? [])),
    read: async (sha256) => this.files.get(`documents/${sha256}`) ?? null,
    write: async (sha256, bytes) => void this.files.set(`documents/${sha256}`, Uint8Array.from(bytes)),
    keepOnly: async (kept) => {
      for (const file of this.files.keys()) {
        if (file.startsWith('documents/') && !kept.has(file.slice(10))) this.files.delete(file);
      }
    },
  };

  #beforeEffect(): void {
    if (this.effects >= this.killAt) throw new Killed();
    this.effects += 1;
  }
}

/** The version a stored file claims, or null when there is none. */
export function versionIn(store: MemoryTrustStore, role: string): number | null {
  const bytes = store.files.get(`${role}.json`);
  return bytes === undefined ? null : JSON.parse(Buffer.from(bytes).toString()).signed.version;
}
