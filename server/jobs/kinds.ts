// What the server does by itself, whichever of its processes: signs again, warns of what ends, clears away what nobody asks for any more.
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import type { Context } from '../context.ts';
import { daysLeft, type Expiry, selectTold } from '../core/expiry.ts';
import { noteAdvisories } from '../db/advisory-revisions.ts';
import { countEnded, pruneStats } from '../db/analytics.ts';
import { appendAudit } from '../db/audit.ts';
import { appendEvents, type NewEvent } from '../db/events.ts';
import type { Effect } from '../db/jobs.ts';
import { noteSilence } from '../db/report-events.ts';
import { tidy } from '../db/tidy.ts';
import { advisoriesIn } from '../repository/public-files.ts';
import { guardOffers } from './guard.ts';
import { watchRoom } from './room.ts';
import type { JobKind } from './run.ts';
import { sampleFleet } from './sample.ts';
import { sendDue } from './send.ts';
import { tellNews } from './tell.ts';
import { signDue, warnOfExpiries, warnOfMissing } from './watch.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What it did stands elsewhere, or nowhere. */
const without =
  (work: (context: Context) => Promise<void>) =>
  async (context: Context): Promise<Effect | null> => {
    await work(context);
    return null;
  };

export const JOB_KINDS: readonly JobKind[] = [
  /** The timestamp has most of its day when the first attempt fails. Whoever comes second finds it fresh. */
  { kind: 'resign', everyMs: 10 * MINUTE_MS, attempts: 1, work: without(signDue) },
  {
    kind: 'expiries',
    everyMs: 24 * HOUR_MS,
    attempts: 1,
    work: async (context) => {
      const events = selectTold(await warnOfExpiries(context), context.now()).map(expiryEvent(context.now()));
      const at = context.now();
      return events.length === 0 ? null : (trx) => appendEvents(trx, events, at);
    },
  },
  /** What came out is in force and written down; whoever does it again finds that. */
  { kind: 'guard', everyMs: MINUTE_MS, attempts: 1, work: guardOffers },
  {
    kind: 'silence',
    everyMs: 10 * MINUTE_MS,
    attempts: 1,
    work: async ({ now }) => {
      const at = now();
      return (trx) => noteSilence(trx, at);
    },
  },
  {
    kind: 'prune',
    everyMs: 24 * HOUR_MS,
    attempts: 1,
    work: async ({ publisher, now }, _job, signal) => {
      const removed = await prune(publisher, signal);
      const at = now();
      const details = { removed };
      const event = { actor: 'server', action: 'repository.pruned', subject: 'repository', details };
      return removed === 0 ? null : (trx) => appendAudit(trx, event, at);
    },
  },
  { kind: 'releases', everyMs: 24 * HOUR_MS, attempts: 1, work: without(warnOfMissing) },
  {
    kind: 'count-ended',
    everyMs: MINUTE_MS,
    attempts: 1,
    work: async ({ db, publisher, now }, _job, signal) => {
      const { releases } = publisher.published();
      const known = {
        components: new Set<string>(releases.map(({ component }) => component)),
        versions: new Set(releases.map(({ component, version }) => `${component} ${version}`)),
      };
      const at = now();
      await countEnded(db, known, at, signal);
      return (trx) => pruneStats(trx, at);
    },
  },
  {
    kind: 'sample',
    everyMs: 10 * MINUTE_MS,
    attempts: 1,
    work: (context, _job, signal) => sampleFleet(context, signal),
  },
  { kind: 'room', everyMs: 10 * MINUTE_MS, attempts: 1, work: watchRoom },
  {
    kind: 'advisories',
    everyMs: HOUR_MS,
    attempts: 1,
    work: without(({ db, store, publisher, now }) =>
      noteAdvisories(db, advisoriesIn(store, publisher.published()), now()),
    ),
  },
  {
    kind: 'tidy',
    everyMs: HOUR_MS,
    attempts: 1,
    work: async ({ now }) => {
      const at = now();
      return (trx) => tidy(trx, at);
    },
  },
];

/** What speaks with others outside, each in a lane of its own: all mail goes through one relay, and a pager does not wait for it. */
export const SENDING_LANES: readonly (readonly JobKind[])[] = [
  [
    {
      kind: 'outbox',
      everyMs: 10_000,
      attempts: 1,
      work: async (context, _job, lost, stopping) => {
        const signal = AbortSignal.any([lost, stopping]);
        await tellNews(context, signal);
        await sendDue(context, 'webhook', signal);
        return null;
      },
    },
  ],
  [
    {
      kind: 'mail',
      everyMs: 10_000,
      attempts: 1,
      work: async (context, _job, lost, stopping) => {
        await sendDue(context, 'mail', AbortSignal.any([lost, stopping]));
        return null;
      },
    },
  ],
];

const expiryEvent =
  (now: EpochMs) =>
  (one: Expiry): NewEvent => ({
    ...{ kind: 'expiry.near', instance: null, actor: 'server', subject: `${one.kind} ${one.name}` },
    details: { kind: one.kind, name: one.name, expires: formatInstant(one.at), days: daysLeft(one, now) },
  });

/** Turn by turn, so that publications come in between. */
async function prune(publisher: Context['publisher'], signal: AbortSignal): Promise<number> {
  let removed = 0;
  for (let left = 1; left > 0 && !signal.aborted; ) {
    const pruned = await publisher.prune();
    removed += pruned.removed;
    left = pruned.left;
  }
  return removed;
}
