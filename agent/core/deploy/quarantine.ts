// What a finished deployment puts into quarantine, so that no timer tries it again.
import { type EpochMs, formatInstantMs, instantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { pauseAfter } from '../../../shared/policy/retry-pause.ts';
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
  /** What is in quarantine already. */
  readonly known: readonly Quarantined[];
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
  if (!deservesQuarantine(ended)) return holdBack(ended);
  const suspects = changed(target, previous, ended);
  const culprits = suspects.filter((one) => one.component === ended.failure?.component);
  if (culprits.length > 0) return culprits;
  return suspects.length > 0 ? suspects : wholeTarget(ended);
}

function deservesQuarantine(ended: EndedDeployment): boolean {
  const { record, failure } = ended;
  const again = failedBefore(ended) || heldBefore(ended) !== undefined;
  switch (record.state) {
    case 'rolled-back':
    case 'inconsistent':
      return failure?.fault === 'release' || again;
    case 'abandoned':
      return failure?.fault === 'release' && again;
    default:
      return false;
  }
}

/**
 * One component of a plan failed, and nobody knows that its release is bad: for a while the others go on without it. Not
 * where a person is asked whether to go on all the same, for what they would answer must stay on offer.
 */
function holdBack(ended: EndedDeployment): readonly Quarantined[] {
  const { record, target, previous, failure, at } = ended;
  if (record.state !== 'abandoned' && record.state !== 'rolled-back') return [];
  if (failure === null || ASKS_A_PERSON.includes(failure.code) || OF_ALL.test(failure.code)) return [];
  const culprit = changed(target, previous, ended).find((one) => one.component === failure.component);
  if (culprit === undefined) return [];
  const attempts = (heldBefore(ended)?.attempts ?? 0) + 1;
  const until = formatInstantMs((instantMs(at) + pauseAfter(attempts)) as EpochMs);
  return [{ ...culprit, attempts, until }];
}

const ASKS_A_PERSON: readonly string[] = [
  'deploy/unhealthy-before',
  'deploy/way-back-damaged',
  'deploy/way-back-unready',
];

/** What would stop every component alike. */
const OF_ALL = /^(?:disk\/|transport\/unreachable$|service\/no-room$|deploy\/agent-stops$)/;

/** Attempts are counted by what failed: a plan changes with every release of a neighbour. */
function heldBefore({ known, target, failure }: EndedDeployment): Quarantined | undefined {
  const culprit = target.manifest.components.find((one) => one.component === failure?.component);
  return known.find((one) => one.component === culprit?.component && one.release === culprit.release);
}

/** An entry of the future was made by a clock that has been set back since: it would hold for years. */
export function isHeld({ since, until }: Quarantined, now: EpochMs): boolean {
  return until === undefined || (instantMs(since) <= now && now < instantMs(until));
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
