// The vendor's signed repository as the agent sees it: refresh the trust, then read what is verified.
import type { Catalog } from '../../shared/compile/catalog.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';

export interface Repository {
  /**
   * Brings trusted metadata and its documents up to date and makes them durable. `unchanged` when the server's timestamp
   * is the trusted one. Errors: trust/*, transport/*, disk/*; what was reached stays, and what failed keeps its old state.
   */
  refresh(now: EpochMs): Promise<'changed' | 'unchanged'>;
  /** Every document of the last refresh, verified, from the disk alone; what the disk lost is left out until the next. Errors: trust/*, disk/*. */
  catalog(): Promise<Catalog>;
  freshness(now: EpochMs): Freshness;
}

export interface Freshness {
  /** `clock-behind`: this machine's clock is earlier than signed data already seen. */
  readonly state: 'fresh' | 'expired' | 'clock-behind' | 'never';
  /** When the first of the metadata behind the catalog expires; an incomplete refresh does not move it. */
  readonly expires: EpochMs | null;
}
