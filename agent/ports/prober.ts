// Health probes: ask once, answer healthy or why not.

/** A probe with every `${…}` resolved; times in milliseconds. */
export type Probe =
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly expect: number;
      readonly contains: string | null;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  | {
      readonly kind: 'exec';
      readonly exec: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly workingDirectory: string;
      readonly dataDirectory: string;
      readonly user: string | null;
      readonly timeoutMs: number;
    };

export interface ProbeResult {
  readonly healthy: boolean;
  /** One line for the record: `HTTP 200`, `connection refused`, `exit status 1: …`. */
  readonly detail: string;
}

export interface Prober {
  /** Never throws: a probe that cannot be made is unhealthy and says why. */
  probe(probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
}
