// What needs a person, said in one sentence each, most urgent first.
import { formatPin } from '../../shared/compile/pins.ts';
import type { PinReport, Unfixable } from '../../shared/compile/target.ts';
import { type EpochMs, formatDuration, instantMs } from '../../shared/encoding/instant.ts';
import { assertNever } from '../../shared/errors/error.ts';
import { effectivePolicy, heldForced, type LocalState } from '../../shared/policy/local-state.ts';
import { untilFresh } from '../../shared/present/status.ts';
import type { Contact, StatusReply } from '../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import type { Facts } from './conclude.ts';
import { type Deviation, isDamage } from './deploy/generation.ts';
import type { Fork } from './receipts.ts';

export interface Observations extends LocalState {
  readonly now: EpochMs;
  readonly freshness: Facts['freshness']['state'];
  /** How the last question to the server went. */
  readonly contact: Contact | null;
  /** How long one lasts that has not ended; null where none does. */
  readonly askingMs: number | null;
  readonly unfixable: readonly Unfixable[];
  readonly pins: readonly PinReport[];
  /** The deployment that ended neither old nor new, while nothing was committed since. */
  readonly inconsistent: DeploymentRecord | null;
  /** Of each component, where its files on disk are not what was signed, as the last verification found them. */
  readonly files: readonly { readonly component: string; readonly deviations: readonly Deviation[] }[];
  readonly degraded: readonly {
    readonly component: string;
    readonly since: string;
    readonly detail: string;
  }[];
  /** Why what was decided has not even begun; null where it has. */
  readonly notBegun: string | null;
  /** Why the audit log cannot be continued; null when it can. */
  readonly auditProblem: string | null;
  /** Where the server's audit log is another than it was when it signed for this one. */
  readonly forks: readonly Fork[];
  /** What was lost of the agent's own files, in one sentence each. */
  readonly damages: readonly string[];
  /** What the server says about who this is. */
  readonly server: NonNullable<StatusReply['reporting']>;
  /** Until when the platform that runs is mended; null where nobody said. */
  readonly support: NonNullable<StatusReply['support']> | null;
}

export function raiseAlarms(seen: Observations): string[] {
  const alarms: string[] = [];
  if (seen.inconsistent !== null) {
    const { id } = seen.inconsistent;
    alarms.push(`change ${id} could not be undone: see fairlead change ${id}`);
  }
  if (seen.notBegun !== null) alarms.push(`what was decided cannot begin: ${seen.notBegun}`);
  alarms.push(...learningAlarms(seen));
  for (const each of seen.degraded) {
    alarms.push(`${each.component} has been unhealthy since ${each.since}: ${each.detail}`);
  }
  for (const each of seen.unfixable) {
    alarms.push(
      `${each.advisory} affects ${each.component} ${each.version} and cannot be fixed: ${each.reason}`,
    );
  }
  if (seen.policy.kind === 'unreadable') {
    alarms.push(`the policy cannot be read, so the instance is frozen: ${seen.policy.problem}`);
  }
  alarms.push(...emergencyHoldAlarm(seen));
  if (seen.config.kind === 'unreadable') alarms.push(seen.config.problem);
  for (const { pin, problem } of seen.pins) {
    if (problem !== undefined) alarms.push(`the pin ${formatPin(pin)} is in vain: ${problem}`);
  }
  alarms.push(...filesAlarms(seen));
  if (seen.auditProblem !== null) alarms.push(seen.auditProblem);
  alarms.push(...forkAlarms(seen));
  alarms.push(
    ...seen.damages,
    ...freshnessAlarm(seen),
    ...identityAlarms(seen.server),
    ...supportAlarm(seen),
  );
  return alarms;
}

/** One list is left after 68 minutes. Thousands of small files over a slow line, or from a server that means harm, may take longer. */
const LONGEST_QUESTION_MS = 3 * 60 * 60_000;

/** What cannot be kept is not acted on: an order that is out would not be heard of. A network that is away is no matter of this machine. */
function learningAlarms({ contact, askingMs }: Observations): readonly string[] {
  const alarms: string[] = [];
  const failure = contact?.failure ?? null;
  if (failure?.code.startsWith('disk/') === true) {
    alarms.push(
      `what the vendor has signed cannot be kept here, so nothing newer counts, forced patches neither: ${failure.message} (${failure.code}); ${failure.hint}`,
    );
  }
  if (askingMs !== null && askingMs >= LONGEST_QUESTION_MS) {
    alarms.push(
      `the last question to the server has not ended for ${formatDuration(askingMs)}, and none follows, so no forced patch is heard of: look at this machine’s disks and its line to the server, then systemctl restart fairlead-agent`,
    );
  }
  return alarms;
}

/** Nor does this: what the server's log says is the vendor's affair, and what was seen of it is proved here. */
function forkAlarms({ forks }: Observations): readonly string[] {
  const [first] = forks;
  if (first === undefined) return [];
  const { seen, restored } = first;
  const what = `entry ${seen.count} of its audit log, which it showed this install at ${seen.at}`;
  const next = 'fairlead audit receipts FILE keeps what it signed';
  return restored === null
    ? [`the server no longer has ${what}: ask the vendor. ${next}`]
    : [`the server came out of a backup at ${restored} and lost ${what}. ${next}`];
}

/** From its end on: what is near stands in `status`, where it alarms nobody for months. */
function supportAlarm({ support, now }: Observations): readonly string[] {
  if (support === null || now < instantMs(support.until)) return [];
  const { platform, until } = support;
  return [`platform ${platform} is not mended any more since ${until}: update it, or ask the vendor`];
}

/** Neither stops anything here: what is signed counts by the local policy, whoever the server takes this for. */
function identityAlarms({ refusal, twinsHeard }: Observations['server']): readonly string[] {
  return [
    ...(refusal === null
      ? []
      : [`the server takes no report from this install: ${refusal.message} (${refusal.code})`]),
    ...(twinsHeard === null
      ? []
      : [
          `another agent speaks in the name of this install, last heard at ${twinsHeard}: its state directory was copied. On the copy: fairlead agent move --copy`,
        ]),
  ];
}

function filesAlarms({ files }: Observations): readonly string[] {
  const damaged = files.filter(({ deviations }) => deviations.some(isDamage));
  const added = files.filter(({ deviations }) => deviations.length > 0 && !deviations.some(isDamage));
  const named = (all: typeof files) => all.map(({ component }) => component).join(', ');
  return [
    ...(damaged.length === 0 ? [] : [`files were changed by hand in ${named(damaged)}: see fairlead verify`]),
    ...(added.length === 0
      ? []
      : [`files that nobody signed stand beside those of ${named(added)}: see fairlead verify`]),
  ];
}

/** Break-glass is loud for as long as it lasts. */
function emergencyHoldAlarm(seen: Observations): readonly string[] {
  const hold = heldForced(effectivePolicy(seen), seen.now);
  if (hold === null) return [];
  return [`FORCED PATCHES ARE HELD until ${hold.until} by ${hold.by}: ${hold.reason}`];
}

function freshnessAlarm({ freshness, contact }: Observations): readonly string[] {
  switch (freshness) {
    case 'fresh':
    case 'never':
      return [];
    case 'expired':
      return [`the vendor’s signed data has expired: nothing new is installed ${untilFresh(contact)}`];
    case 'clock-behind':
      return ['this machine’s clock is earlier than data the vendor has signed: correct the clock'];
    default:
      return assertNever(freshness);
  }
}
