// One small document that survives a crash.

export interface JsonStore<Document> {
  /** Null when there is none, or when what is there cannot be read. */
  read(): Promise<Document | null>;
  /** Durable when it resolves. Error: disk/*. */
  write(document: Document): Promise<void>;
}
