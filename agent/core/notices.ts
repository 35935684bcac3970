// What a person should be told without asking: alarms, and what waits for their word; once, and again at an interval while it stands.
import { z } from 'zod';
import { durationMs, type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { isOfWindows, isTooShort } from '../../shared/policy/blockers.ts';
import type { StatusReply } from '../../shared/protocol/admin.ts';
import { argv, duration, instant, line } from '../../shared/schema/common.ts';
import { SECRET } from '../../shared/schema/parse-document.ts';

export const SINKS = ['webhook', 'program', 'mail'] as const;
export type Sink = (typeof SINKS)[number];

/** Where notices go; whole, with the secret: readable by its owner alone. */
export const noticesFile = z
  .strictObject({
    schema: z.literal('fairlead/notices@1'),
    webhook: z
      .strictObject({
        url: z.url({ protocol: /^https?$/, error: 'an http or https URL' }).max(2_000),
        /** As Standard Webhooks has it; unsigned without one. */
        secret: z
          .string()
          .regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'a secret such as whsec_…, of 24 bytes or more')
          .optional(),
      })
      .optional(),
    /** Started without a shell, with the notices as JSON on its standard input. */
    program: z.strictObject({ exec: argv, user: line }).optional(),
    /** A directory that node_exporter's textfile collector reads. */
    textfile: z.string().startsWith('/').max(4_000).optional(),
    /** After so long what still stands is told again. */
    again: duration
      .refine((span) => durationMs(span) >= SHORTEST_AGAIN_MS, { error: 'PT5M or longer' })
      .optional(),
  })
  .meta({ [SECRET]: true });
export type NoticesFile = z.output<typeof noticesFile>;

const SHORTEST_AGAIN_MS = durationMs('PT5M');
const AGAIN_MS = durationMs('P1D');

export interface Notice {
  readonly kind: 'alarm' | 'request' | 'test';
  /** What it is about, the same for as long as it stands. */
  readonly about: string;
  readonly text: string;
}

const toldAt = z.strictObject({ first: instant, last: instant });
const toldTo = z.record(z.string(), toldAt);
/** What each was told of what stands, and which opening of a window is waited for. */
export const toldFile = z.strictObject({
  schema: z.literal('fairlead/told@1'),
  webhook: toldTo,
  program: toldTo,
  /** An earlier agent leaves it out: mail is told once more then. */
  mail: toldTo.default({}),
  opening: z.strictObject({ plan: z.string(), at: instant }).nullable(),
});
export type Told = z.output<typeof toldFile>;
export const NOTHING_TOLD: Told = {
  schema: 'fairlead/told@1',
  webhook: {},
  program: {},
  mail: {},
  opening: null,
};

export const MOST_NOTICES = 50;
/** What somebody here decided, and knows. */
const CHOSEN = new Set(['hold', 'channel-frozen', 'approval-denied', 'emergency-hold']);

/** All that stands, the most urgent first. */
export function noticesOf(status: StatusReply, told: Told): readonly Notice[] {
  const alarms = status.alarms.map((text): Notice => ({ kind: 'alarm', about: stableIn(text), text }));
  const { decision } = status;
  const plan = decision.target?.plan ?? '';
  // While something else waits too, a longer window would change nothing, and each that ends would be told of.
  const isOnlyWindows = decision.blockers.every(({ code }) => isOfWindows(code));
  const asked = decision.blockers
    .filter(({ owner, code }) => (isTooShort(code) ? isOnlyWindows : owner === 'admin' && !CHOSEN.has(code)))
    .map(({ code, message, clearWith }): Notice => {
      const text = clearWith === undefined ? message : `${message}: ${clearWith}`;
      // What is said of a window has two forms, one while it is open: it is no other matter.
      const about = isTooShort(code) ? `${code} ${plan}` : `${code} ${plan} ${stableIn(message)}`;
      return { kind: 'request', about, text };
    });
  const exposed = decision.exposed
    .filter(({ severity }) => severity === 'critical')
    .map(
      ({ advisory, component, version }): Notice => ({
        ...{ kind: 'alarm', about: `exposed ${advisory} ${component} ${version}` },
        text: `${component} ${version} is open to ${advisory} (critical)`,
      }),
    );
  const waiting = status.proposals ?? 0;
  const all = [
    ...alarms,
    ...exposed,
    ...asked,
    ...missedWindow(status, told),
    ...(waiting === 0
      ? []
      : [
          {
            ...({ kind: 'request', about: 'proposals' } as const),
            text: `the vendor proposes something that waits for an answer: fairlead proposals`,
          },
        ]),
  ];
  return all.slice(0, MOST_NOTICES);
}

/** Numbers and moments in a sentence change while what it says stands. */
function stableIn(text: string): string {
  return sanitizeLine(text.replace(/\d[\d.:TZ-]*/g, '#'), 200);
}

/** An opening that was waited for has come, and what waited for it waits for the next. */
function missedWindow(status: StatusReply, { opening }: Told): readonly Notice[] {
  const next = openingOf(status);
  if (opening === null || next === null || next.plan !== opening.plan) return [];
  if (next.at === opening.at || instantMs(opening.at) > instantMs(status.at)) return [];
  const text = `a window opened at ${opening.at} and what waits was not applied; the next opens at ${next.at}: fairlead explain`;
  return [{ kind: 'request', about: `window-missed ${next.plan} ${opening.at}`, text }];
}

/** The opening that is waited for now. */
function openingOf({ decision }: StatusReply): Told['opening'] {
  const closed = decision.blockers.find(({ code, clearsAt }) => isOfWindows(code) && clearsAt !== undefined);
  const plan = decision.target?.plan;
  if (closed?.clearsAt === undefined || plan === undefined) return null;
  return { plan, at: closed.clearsAt };
}

/**
 * The opening to remember. While a window is open none is waited for, and whether it was missed shows at its end; one that was
 * missed stays until each of `heard`, who are told, has taken that.
 */
export function openingAfter(
  status: StatusReply,
  before: Told,
  heard: readonly Told[Sink][],
): Told['opening'] {
  const missed = missedWindow(status, before);
  const isTold = missed.every(({ about }) => heard.every((told) => told[about] !== undefined));
  if (!isTold) return before.opening;
  const stands = before.opening?.plan === status.decision.target?.plan;
  return openingOf(status) ?? (stands ? before.opening : null);
}

/** Those that one of them has not been told, or not for long; and what stands once it was. What no longer stands is forgotten. */
export function selectDue(
  notices: readonly Notice[],
  told: Told[Sink],
  now: EpochMs,
  again: string | undefined,
): { readonly due: readonly Notice[]; readonly told: Told[Sink] } {
  const interval = again === undefined ? AGAIN_MS : durationMs(again);
  const isDue = ({ about }: Notice) => {
    const before = told[about];
    // A clock that was set back would silence it until then.
    return before === undefined || Math.abs(now - instantMs(before.last)) >= interval;
  };
  const at = formatInstant(now);
  const after = notices.map((notice) => {
    const first = told[notice.about]?.first ?? at;
    const last = isDue(notice) ? at : (told[notice.about]?.last ?? at);
    return [notice.about, { first, last }] as const;
  });
  return { due: notices.filter(isDue), told: Object.fromEntries(after) };
}

/** What a receiver reads. */
export interface NoticesTold {
  readonly at: string;
  readonly instance: Pick<StatusReply['instance'], 'id' | 'name'>;
  readonly verdict: string;
  readonly notices: readonly (Pick<Notice, 'kind' | 'text'> & { readonly since: string })[];
}

export function describeNotices(
  status: StatusReply,
  notices: readonly Notice[],
  told: Told[Sink],
): NoticesTold {
  const { id, name } = status.instance;
  return {
    ...{ at: status.at, instance: { id, name }, verdict: status.decision.verdict },
    notices: notices.map(({ kind, about, text }) => ({ kind, text, since: told[about]?.first ?? status.at })),
  };
}
