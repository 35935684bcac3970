// The risk of going back: critical advisories that the rollback would open again, and which of them were accepted by name.
import { type Exposure, selectExposures } from '../../shared/compile/exposure.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { Advisory } from '../../shared/schema/advisory.ts';
import type { Generation } from './deploy/generation.ts';

/** Each risk is named one by one: a blanket yes would also cover what nobody has read. Error: rollback/exposes. */
export function verifyRiskAccepted(
  target: Generation,
  advisories: readonly Advisory[],
  accepted: readonly string[],
): void {
  const open = selectExposures(target.manifest, advisories).filter(
    (one) => one.severity === 'critical' && !accepted.includes(one.advisory),
  );
  if (open.length === 0) return;
  const ids = [...new Set([...accepted, ...open.map((one) => one.advisory)])];
  throw new FairleadError('rollback/exposes', {
    generation: target.number,
    advisories: open.map(describe).join(', '),
    accept: ids.map((id) => `--accept-risk ${id}`).join(' '),
  });
}

function describe({ advisory, component, version }: Exposure): string {
  return `${advisory} (${component} ${version})`;
}
