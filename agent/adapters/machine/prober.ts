// Health probes on the real machine, each kind in a room of its own, all bounded in time and in what they may send back.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { isShortage } from '../../../shared/errors/system-error.ts';
import type { Probe, ProbeResult, Prober } from '../../ports/prober.ts';
import { askCommand } from './probes/exec.ts';
import { askHttp } from './probes/http.ts';
import { askTcp } from './probes/tcp.ts';

/** By its kind, and with the end of the time it may take. */
type Kinds = {
  readonly [Kind in Probe['kind']]: (
    probe: Probe & { kind: Kind },
    limit: AbortSignal,
  ) => Promise<ProbeResult>;
};

const KINDS: Kinds = { http: askHttp, tcp: askTcp, exec: askCommand };

export function createProber(): Prober {
  return {
    async probe(probe, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(probe.timeoutMs)]);
      try {
        const ask = KINDS[probe.kind] as (probe: Probe, limit: AbortSignal) => Promise<ProbeResult>;
        const { healthy, detail } = await ask(probe, limit);
        return { healthy, detail: sanitizeLine(detail) };
      } catch (error) {
        const detail =
          limit.aborted && !signal.aborted ? `no answer in ${probe.timeoutMs} ms` : reason(error);
        return {
          healthy: false,
          detail: sanitizeLine(detail),
          ...(isShortage(error) ? { starved: true } : {}),
        };
      }
    },
  };
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'the probe failed';
  return 'code' in error ? String(error.code) : error.message;
}
