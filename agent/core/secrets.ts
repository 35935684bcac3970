// The secrets this agent has read since it started: what no text that leaves it may hold.
import { createRedactor, type Redact } from '../../shared/encoding/redact.ts';

export interface Secrets {
  /** Of several lines, if it likes. */
  learn(secret: string): void;
  readonly redact: Redact;
}

/** A value that was changed is still in the log of whoever started with it, so the last of them are kept. */
const MOST = 1000;

export function createSecrets(): Secrets {
  const known = new Set<string>();
  let redact: Redact = (text) => text;
  return {
    learn(secret) {
      if (known.has(secret)) return;
      known.add(secret);
      const [oldest] = known;
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
      redact = createRedactor(known);
    },
    redact: (text) => redact(text),
  };
}
