// What is typed of an advisory: affected ranges, fixed versions, references.
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import { REFERENCE_KINDS, type Reference, reference } from '../../../shared/schema/advisory-details.ts';
import { capabilityKey, parseRef, refFor } from '../../../shared/schema/release-ref.ts';
import { parseRange, parseVersion } from '../../../shared/version/version.ts';

/** Error: vendor/option-invalid. */
export function parseAffected(text: string): Advisory['affected'][number] {
  return naming('--affected', text, '"suite/capability:RANGE", such as "core/auth:<1.2.8"', () => {
    const colon = text.indexOf(':');
    const ref = refFor(text.slice(0, Math.max(0, colon)), parseVersion('0.0.0'));
    if (ref.kind !== 'capability') return null;
    return { component: capabilityKey(ref), versions: parseRange(text.slice(colon + 1)) };
  });
}

/** Error: vendor/option-invalid. */
export function parseFixed(text: string): Advisory['fixed'][number] {
  return naming('--fixed', text, '"suite/capability@VERSION", such as "core/auth@1.2.9"', () => {
    const ref = parseRef(text);
    return ref.kind === 'capability' ? { component: capabilityKey(ref), version: ref.version } : null;
  });
}

/** The kind may be left out of an address of the web. Error: vendor/option-invalid. */
export function parseReference(text: string): Reference {
  const form = `"KIND=URL", such as "fix=https://example.com/1", with one of ${REFERENCE_KINDS.join(', ')}`;
  return naming('--reference', text, form, () => {
    const [, kind = 'web', url] = /^(?:([a-z]+)=)?(.*)$/s.exec(text) ?? [];
    return reference.safeParse({ kind, url }).data ?? null;
  });
}

/** Whatever is wrong inside, a person is told the option, all of its value and the form. */
function naming<T>(option: string, value: string, form: string, parse: () => T | null): T {
  const refused = new FairleadError('vendor/option-invalid', { option, value, form });
  try {
    const parsed = parse();
    if (parsed !== null) return parsed;
  } catch (error) {
    throw isFairleadError(error) ? refused : error;
  }
  throw refused;
}
