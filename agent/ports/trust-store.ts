// Where trust is kept: metadata by file name, durable before anything acts on it, and documents that may be lost.

export interface TrustStore {
  /** For messages. */
  readonly directory: string;
  read(file: string): Promise<Uint8Array | null>;
  /** After it returns, the bytes survive a power cut; before, the old ones do. */
  write(file: string, bytes: Uint8Array): Promise<void>;
  remove(file: string): Promise<void>;
  /** Versions of the kept roots, lowest first. */
  rootVersions(): Promise<readonly number[]>;
  readonly documents: DocumentCache;
}

/** By SHA-256, lower-case hexadecimal. What is read may be torn: whoever reads verifies it. */
export interface DocumentCache {
  read(sha256: string): Promise<Uint8Array | null>;
  write(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Removes all others. */
  keepOnly(sha256s: ReadonlySet<string>): Promise<void>;
}
