// Probes: one question about a running service, ready to be asked.

/** A probe with every `${…}` resolved; times in milliseconds. */
export type Probe =
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly expect: number;
      readonly contains: string | null;
      /** Whom an https service is believed; the machine's own authorities unless given. `ca`: path of a PEM file. */
      readonly tls?: { readonly ca: string | null; readonly insecure: boolean };
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
