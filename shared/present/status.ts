// The status for people: verdict, what needs attention, what runs, how fresh all this is.
import { instantMs } from '../encoding/instant.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { CATALOGUE, isErrorCode } from '../errors/catalogue.ts';
import { count, EXIT } from '../errors/entry.ts';
import { formatAbout } from '../policy/window-reasons.ts';
import type { Contact, StatusReply } from '../protocol/admin.ts';
import type { OverrideInForce } from '../schema/deployment.ts';
import type { FixesFrom } from '../schema/policy.ts';
import { describeContact, isNews } from './explanation.ts';
import { describeTransfer } from './pace.ts';
import { formatTable, indent, type Style } from './table.ts';
import { describeBlockers, describeNewer, describeVerdict } from './verdict.ts';

export function renderStatus(status: StatusReply, style: Style): readonly string[] {
  return [
    describeVerdict(status.decision, status.inProgress, style),
    ...(status.transfers ?? []).map(describeTransfer),
    ...describeLeft(status),
    ...(status.deciding === true ? ['A new decision is being made; this is the one before it'] : []),
    ...status.alarms.map((alarm) => style.bad(`! ${sanitizeLine(alarm, 500)}`)),
    ...describeBlockers(status.decision.blockers.filter(isNews(status.inProgress)), style),
    ...describeNewer(status.decision),
    ...describeHold(status),
    ...(status.fixesFrom === undefined ? [] : [describeFixesFrom(status.fixesFrom)]),
    `Channel ${status.channel}, track ${status.track}, generation ${status.generation ?? 'none'}; ${describeFreshness(status)}`,
    `Instance "${sanitizeLine(status.instance.name)}" of ${status.instance.server}, agent ${status.agentVersion}${describeSlot(status)}`,
    status.contact === null ? 'Server not asked yet' : describeContact(status.contact, status.at),
    ...describeSupport(status, style),
    ...(status.overrides ?? []).map(describeOverride),
    ...(status.reporting?.off === true ? ['Reporting is off: the vendor hears nothing of this install'] : []),
    ...describeHints(status),
    ...(status.unsentReports === 0
      ? []
      : [`${count(status.unsentReports, 'deployment record')} not yet taken by the server`]),
    ...describeProposals(status, style),
    ...describeComponents(status, style),
    ...describeQuarantine(status),
  ];
}

function describeLeft({ leftMs }: StatusReply): readonly string[] {
  if (leftMs === undefined) return [];
  return [`about ${formatAbout(leftMs)} until it is committed, by what the last deployments took`];
}

/** So long before its end it stands out. */
const SUPPORT_ENDS_SOON_MS = 90 * 86_400_000;

function describeSupport({ support, at }: StatusReply, style: Style): readonly string[] {
  if (support === undefined) return [];
  const leftMs = instantMs(support.until) - instantMs(at);
  // Past it, the alarm says so.
  if (leftMs <= 0) return [];
  const line = `Platform ${support.platform} is mended by the vendor until ${support.until}`;
  if (leftMs > SUPPORT_ENDS_SOON_MS) return [line];
  return [style.warn(`${line}, for ${count(Math.ceil(leftMs / 86_400_000), 'more day')}`)];
}

/** For people: whose it is, what stood in it, and since when that has been in force. */
export function describeOverride({ component, file, digest, since }: OverrideInForce): string {
  const from = since === undefined ? '' : `, in force since generation ${since.generation}, ${since.at}`;
  return `Override of yours over ${component}: ${sanitizeLine(file, 1_024)} (${digest.slice(0, 19)})${from}`;
}

export function describeFixesFrom(from: FixesFrom): string {
  return from === 'critical'
    ? 'Fixes come by themselves where an order forces them; all others follow the channel'
    : `Fixes from ${from} on come by themselves, on every channel: inside windows, behind pins and holds`;
}

function describeSlot({ slots }: StatusReply): string {
  if (slots === undefined) return '';
  const { current, trial } = slots;
  if (trial === null) return ` in slot ${current}`;
  return ` in slot ${current}, on trial as ${trial.component} since ${trial.since}; the one before is in slot ${trial.from}`;
}

/** At most one line: the most urgent of what needs a person; none where nobody is needed. */
export function renderBrief(status: StatusReply, style: Style): readonly string[] {
  const [need] = needsOf(status, style);
  return need === undefined ? [] : [`fairlead: ${need}: fairlead status`];
}

function needsOf(
  { alarms, decision, inProgress, proposals = 0 }: StatusReply,
  style: Style,
): readonly string[] {
  const { verdict, blockers } = decision;
  // Held, but by nobody's wish: time does not help.
  const isNeverOver = blockers.some(({ code }) => code === 'windows-too-short');
  const isOurs = verdict === 'ask' || verdict === 'blocked' || isNeverOver;
  return [
    ...alarms.map((alarm) => style.bad(sanitizeLine(alarm, 300))),
    ...(isOurs ? [describeVerdict(decision, inProgress, style)] : []),
    ...(proposals > 0 ? [style.warn(`${count(proposals, 'proposal')} of the vendor`)] : []),
  ];
}

function describeHints({ hints, reporting }: StatusReply): readonly string[] {
  if (reporting?.off === true) return [];
  if (hints === null || hints === undefined) return [];
  if (hints.listening) return [`Told of news at once, since ${hints.since}`];
  return [
    `Not told of news since ${hints.since}, so it comes with the next question: ${sanitizeLine(hints.problem ?? '')}`,
  ];
}

/** A hold shows up among the reasons once something is on offer; a forgotten one must not wait for that. */
function describeHold({ hold, decision }: StatusReply): readonly string[] {
  if (hold === null || decision.blockers.some(({ code }) => code === 'hold')) return [];
  return [`Held until ${hold.until} by ${sanitizeLine(hold.by)}: ${sanitizeLine(hold.reason)}`];
}

function describeProposals({ proposals = 0 }: StatusReply, style: Style): readonly string[] {
  if (proposals === 0) return [];
  const wait = proposals === 1 ? 'waits' : 'wait';
  return [style.warn(`${count(proposals, 'proposal')} of the vendor ${wait} for you: fairlead proposals`)];
}

function describeFreshness(status: StatusReply): string {
  const { state, expires } = status.freshness;
  switch (state) {
    case 'fresh':
      return `signed data fresh until ${expires}`;
    case 'expired':
      return `signed data EXPIRED at ${expires}: nothing new is installed ${untilFresh(status.contact)}`;
    case 'clock-behind':
      return 'THIS MACHINE’S CLOCK IS WRONG: it is earlier than data the vendor has signed';
    case 'never':
      return 'no signed data yet';
  }
}

function describeComponents(status: StatusReply, style: Style): readonly string[] {
  if (status.components.length === 0) return ['Nothing is installed.'];
  const rows = status.components.map((each) => [
    each.component,
    each.version,
    each.health,
    sanitizeLine(each.service),
    each.origin,
  ]);
  const [heading = '', ...lines] = formatTable([
    ['COMPONENT', 'VERSION', 'HEALTH', 'SERVICE', 'WHY'],
    ...rows,
  ]);
  const colored = lines.map((line, index) =>
    status.components[index]?.health === 'unhealthy' ? style.bad(line) : line,
  );
  return [heading, ...colored];
}

function describeQuarantine(status: StatusReply): readonly string[] {
  if (status.quarantine.length === 0) return [];
  return [
    'In quarantine:',
    ...indent(
      status.quarantine.flatMap((each) => [
        `${each.component} ${each.version} since ${each.since}: ${sanitizeLine(each.reason, 500)} (change ${each.record})`,
        ...(each.until === undefined ? [] : [`  tried again by itself at ${each.until}, or now:`]),
        `  fairlead quarantine lift ${each.component} --reason "why"`,
      ]),
    ),
  ];
}

/** The end of a sentence that begins with "nothing new is installed". `contact` is null before the first question. */
export function untilFresh(contact: Contact | null): string {
  if (contact === null) return 'until the server is reached';
  const { failure } = contact;
  if (failure === null) return 'until the vendor signs anew: the server was reached and has nothing newer';
  if (failure.code === 'trust/expired')
    return 'until the vendor signs anew: what the server has is expired too';
  if (isErrorCode(failure.code) && CATALOGUE[failure.code].exit === EXIT.untrusted) {
    return `until the server sends what can be believed (${failure.code})`;
  }
  return failure.code.startsWith('transport/')
    ? 'until the server is reached'
    : `until it can be refreshed (${failure.code})`;
}
