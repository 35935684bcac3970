// One small document that survives a crash.

export interface JsonStore<Document> {
  /** Null when there is none, or when what is there cannot be read. */
  read(): Promise<Document | null>;
  /** Durable when it resolves. Errors: disk/*, document/invalid for what could not be read again. */
  write(document: Document): Promise<void>;
  /** What was lost, in one sentence; null when nothing was, or when a person has removed what was kept of it. */
  damage(): Promise<string | null>;
}
