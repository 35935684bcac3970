// Reading Retry-After (RFC 9110 §10.2.3): seconds or a date.
import type { EpochMs } from '../../shared/encoding/instant.ts';

/** Whole seconds to wait, or null for text that is neither form. Not capped: who waits caps it. */
export function parseRetryAfter(header: string, now: EpochMs): number | null {
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = /GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}
