// Components with versions as typed on advisories: `core/auth:<1.2.8` is affected, `core/auth@1.2.9` is fixed.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import { capabilityKey, parseRef, refFor } from '../../../shared/schema/release-ref.ts';
import { parseRange, parseVersion } from '../../../shared/version/version.ts';

/** Errors: vendor/option-invalid, reference/invalid, version/invalid-range. */
export function parseAffected(text: string): Advisory['affected'][number] {
  const colon = text.indexOf(':');
  const ref = refFor(text.slice(0, Math.max(0, colon)), parseVersion('0.0.0'));
  if (ref.kind !== 'capability')
    throw invalid('--affected', text, '"suite/capability:RANGE", such as "core/auth:<1.2.8"');
  return { component: capabilityKey(ref), versions: parseRange(text.slice(colon + 1)) };
}

/** Errors: vendor/option-invalid, reference/invalid, version/invalid. */
export function parseFixed(text: string): Advisory['fixed'][number] {
  const ref = parseRef(text);
  if (ref.kind !== 'capability') throw invalid('--fixed', text, '"suite/capability@VERSION"');
  return { component: capabilityKey(ref), version: ref.version };
}

function invalid(option: string, value: string, form: string): FairleadError {
  return new FairleadError('vendor/option-invalid', { option, value, form });
}
