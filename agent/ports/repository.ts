// The vendor's signed repository as the agent sees it: refresh the trust, then read what is verified.
import type { Catalog } from '../../shared/compile/catalog.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';

export interface Repository {
  /**
   * Brings trusted metadata up to date and makes it durable. `unchanged` when the server's timestamp is the trusted one.
   * Errors: trust/*, transport/*; trust that was reached stays.
   */
  refresh(now: EpochMs): Promise<'changed' | 'unchanged'>;
  /** Every document of the trusted metadata, verified; fetches what is not cached. Errors: trust/*, transport/*. */
  catalog(): Promise<Catalog>;
  freshness(now: EpochMs): Freshness;
}

export interface Freshness {
  /** `clock-behind`: this machine's clock is earlier than signed data already seen. */
  readonly state: 'fresh' | 'expired' | 'clock-behind' | 'never';
  /** When the trusted timestamp or snapshot expires first. */
  readonly expires: EpochMs | null;
}
