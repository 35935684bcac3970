// What a finished deployment puts into quarantine, so that no timer tries it again.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Failure } from '../../../shared/schema/journal.ts';
import type { Generation, Quarantined } from './generation.ts';

export interface EndedDeployment {
  readonly record: DeploymentRecord;
  readonly target: Generation;
  readonly previous: Generation | null;
  readonly failure: Failure | null;
  /** What the rollback answered, where nobody asked for it. */
  readonly degraded: ReadonlySet<ComponentKey>;
  /** Every other record of this instance. */
  readonly earlier: readonly DeploymentRecord[];
  readonly at: string;
}

/** New entries only; empty when the end was nobody's fault or the target deserves its second attempt. */
export function selectQuarantined(ended: EndedDeployment): readonly Quarantined[] {
  const { record, target, previous } = ended;
  if (record.reason.kind === 'rollback') {
    // What was rolled back from: without this the next round of the agent would install it again.
    if (record.state !== 'committed' || previous === null) return [];
    const left = changed(previous, target, ended);
    const degraded = left.filter((one) => ended.degraded.has(one.component));
    return degraded.length > 0 ? degraded : left;
  }
  if (!deservesQuarantine(ended)) return [];
  const suspects = changed(target, previous, ended);
  const culprits = suspects.filter((one) => one.component === ended.failure?.component);
  if (culprits.length > 0) return culprits;
  return suspects.length > 0 ? suspects : wholeTarget(ended);
}

function deservesQuarantine(ended: EndedDeployment): boolean {
  const { record, failure } = ended;
  switch (record.state) {
    case 'rolled-back':
    case 'inconsistent':
      return failure?.fault === 'release' || failedBefore(ended);
    case 'abandoned':
      return failure?.fault === 'release' && failedBefore(ended);
    default:
      return false;
  }
}

// At most two attempts at the same target, whoever was to blame.
function failedBefore({ record, earlier }: EndedDeployment): boolean {
  return earlier.some((one) => one.to === record.to && one.state === record.state && one.id !== record.id);
}

/** The releases of `from` that `other` does not run. */
function changed(from: Generation, other: Generation | null, ended: EndedDeployment): readonly Quarantined[] {
  return from.manifest.components
    .filter((one) => other?.releases.get(one.component)?.digest !== one.release)
    .map((one) => entryFor(one.component, one.release, one.version, ended));
}

// The same releases with other settings: only the deployment as a whole can be held back.
function wholeTarget(ended: EndedDeployment): readonly Quarantined[] {
  const component = ended.failure?.component ?? ended.record.steps[0]?.component;
  return component === undefined ? [] : [entryFor(component, ended.record.to, 'settings', ended)];
}

function entryFor(
  component: ComponentKey,
  release: string,
  version: string,
  { record, failure, at }: EndedDeployment,
): Quarantined {
  const why =
    failure?.message ??
    `rolled back by ${record.actor}${record.note === undefined ? '' : `: ${record.note}`}`;
  return { component, release, version, since: at, reason: sanitizeLine(why, 300), record: record.id };
}
