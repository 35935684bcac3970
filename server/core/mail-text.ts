// What a message says to people who read it as mail: a subject of one shape, and the lines below it.
import { z } from 'zod';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { count } from '../../shared/errors/entry.ts';
import { alertModel } from '../../shared/protocol/alerts.ts';
import { fleetEvent } from '../../shared/protocol/events.ts';
import { instant } from '../../shared/schema/common.ts';

interface MailText {
  readonly at: EpochMs;
  readonly subject: string;
  readonly text: string;
}

/** `body` is what a webhook would get, as the outbox keeps it; `name` is the webhook's. Null for what is none. */
export function describeMessage(body: string, name: string): MailText | null {
  const parsed = message.safeParse(jsonIn(body));
  if (!parsed.success) return null;
  const { type, timestamp, data } = parsed.data;
  const { subject, lines } = describe(type, data);
  const foot = ['', '-- ', `Told as ${sanitizeLine(name)} by the release server of Fairlead.`];
  return { at: instantMs(timestamp), subject: `[Fairlead] ${subject}`, text: [...lines, ...foot].join('\n') };
}

/** What a hand or a damaged database left in the outbox stops nobody's mail: it is told as what cannot be told. */
function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** As they were kept: whatever an instance is called is shown. */
const whose = z.object({ id: z.string(), name: z.string() });
const alertTold = alertModel.extend({ instances: z.array(whose) });
const eventTold = fleetEvent.extend({ instance: whose.nullable() });
const message = z.object({ type: z.string(), timestamp: instant, data: z.unknown() });

interface Described {
  readonly subject: string;
  readonly lines: readonly string[];
}

/** Messages of an earlier server may wait: what they hold is told as far as it is known. */
function describe(type: string, data: unknown): Described {
  const alert = type.startsWith('alert.') ? alertTold.safeParse(data).data : undefined;
  if (alert !== undefined) return describeAlert(alert);
  const event = eventTold.safeParse(data).data;
  if (event !== undefined) return describeEvent(event);
  const isTest = type.endsWith('.test');
  const what = isTest ? 'This is a test; nothing is wrong.' : sanitizeLine(type);
  return { subject: isTest ? 'test' : sanitizeLine(type), lines: [what] };
}

function describeAlert({
  severity,
  kind,
  text,
  about,
  count: times,
  ...alert
}: z.output<typeof alertTold>): Described {
  const often = times === 1 ? '' : ` (${count(times, 'time')})`;
  const installs = alert.instances.map(({ name, id }) => `           ${sanitizeLine(name)} (${id})`);
  return {
    subject: `${severity}: ${sanitizeLine(kind, 40)}: ${sanitizeLine(about, 80)}${often}`,
    lines: [
      ...[sanitizeLine(text, 1_000), ''],
      `Severity   ${severity}`,
      `Kind       ${sanitizeLine(kind)}`,
      `About      ${sanitizeLine(about, 300)}`,
      `Times      ${times}`,
      `First      ${alert.first_at}`,
      `Last       ${alert.last_at}`,
      `Alert      ${alert.id}`,
      ...(installs.length === 0 ? [] : ['Installs, some of them:', ...installs]),
    ],
  };
}

function describeEvent({ kind, text, instance, actor, at }: z.output<typeof eventTold>): Described {
  const name = instance === null ? '' : `: ${sanitizeLine(instance.name, 80)}`;
  return {
    subject: `${sanitizeLine(kind, 60)}${name}`,
    lines: [
      ...[sanitizeLine(text, 1_000), ''],
      `Event      ${sanitizeLine(kind)}`,
      ...(instance === null ? [] : [`Install    ${sanitizeLine(instance.name)} (${instance.id})`]),
      ...(actor === undefined ? [] : [`By         ${sanitizeLine(actor, 400)}`]),
      `At         ${at}`,
    ],
  };
}
