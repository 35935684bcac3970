// Health probes: ask once, answer healthy or why not.
import type { Answer } from '../../shared/schema/probes/probe-kind.ts';
import type { Probe } from '../core/deploy/probe.ts';

export type { Probe };

export interface ProbeResult extends Answer {
  /** This machine had no descriptor or process left to ask with: that says nothing about who was asked. */
  readonly starved?: boolean;
}

export interface Prober {
  /** Never throws: a probe that cannot be made is unhealthy and says why. */
  probe(probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
}
