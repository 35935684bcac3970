// What each process of the server does for itself: it looks whether the audit log only grows, and follows what others publish. What one of all does for all are jobs.
import cron from 'node-cron';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import type { Context } from '../context.ts';
import { daysLeft, type Expiry, selectUrgent } from '../core/expiry.ts';
import { readAuditHead, verifyAudit } from '../db/audit-chain.ts';
import { listMembers } from '../db/groups.ts';
import type { Listening, Notice } from '../db/neighbours.ts';
import { listTokenExpiries } from '../db/token-lists.ts';
import { readCheckpoint, writeCheckpoint } from '../repository/layout.ts';
import { readHoldings } from '../repository/leftovers.ts';
import { loadState } from '../repository/state.ts';

const EVERY_TEN_MINUTES = '5-59/10 * * * *';

/** Looks now and then, by the clock, until stopped. */
export function startWatching(context: Context): { stop(): Promise<void> } {
  const options = { noOverlap: true, suppressMissedWarning: true };
  const task = cron.schedule(EVERY_TEN_MINUTES, () => checkpointAudit(context), {
    name: 'audit',
    ...options,
  });
  return {
    stop: async () => {
      await task.destroy();
    },
  };
}

/** One line of the log for each thing that ends within weeks, or has ended; answers those. */
export async function warnOfExpiries({ db, publisher, log, now }: Context): Promise<readonly Expiry[]> {
  const at = now();
  const tokens = await listTokenExpiries(db).catch((err) => {
    log.warn({ job: 'expiries', err }, 'could not look at the tokens; the metadata is looked at');
    return [];
  });
  const all = [...publisher.published().expiries, ...tokens];
  const urgent = selectUrgent(all, at);
  for (const one of urgent) {
    const { kind, name } = one;
    const line = { job: 'expiries', kind, name, expires: formatInstant(one.at), days: daysLeft(one, at) };
    log.warn(line, one.at <= at ? 'has expired' : 'expires soon');
  }
  return urgent;
}

/** Moves the checkpoint to where the log stands, unless the log no longer holds what the last one saw. */
export async function checkpointAudit({ db, config: { layout }, log }: Context): Promise<void> {
  try {
    const before = await readCheckpoint(layout);
    const head = await readAuditHead(db);
    if (head.digest === null || head.count === before?.count) return;
    // Only what is new since then: the whole chain is walked by the command.
    await verifyAudit(db, before, before?.count ?? 1);
    await writeCheckpoint(layout, { count: head.count, digest: head.digest });
  } catch (error) {
    const isBroken = isFairleadError(error, 'server/audit-broken');
    const problem = isBroken ? 'the audit log does not hold what it held' : 'could not look at the audit log';
    log.error({ job: 'audit', err: error }, `${problem}; the checkpoint stays`);
  }
}

/** What is missing is said once a day, until it is back. Errors: server/repository-*, disk/*. */
export async function warnOfMissing({ store, log, now }: Context): Promise<void> {
  const state = await loadState(store);
  const { held } = state === null ? { held: [] } : await readHoldings(store, state, now());
  for (const { release, missing } of held.filter((one) => one.missing.length > 0).slice(0, MOST_NAMED)) {
    const line = { job: 'releases', release, missing };
    log.error(line, 'a released update can no longer be fetched: see fairlead-server retention list');
  }
}

const MOST_NAMED = 20;

type Signs = Pick<Context, 'publisher' | 'log'>;

/** Signs what is due now. Error: disk/*. */
export async function signDue({ publisher, log }: Signs): Promise<void> {
  const outcome = await publisher.resign();
  if (outcome === 'signed') log.info({ job: 'resign' }, 'signed snapshot and timestamp again');
}

/** At a start: a failure is logged, shows in /readyz, and is tried again by the job. */
export async function resign(context: Signs): Promise<void> {
  await signDue(context).catch((err) =>
    context.log.error({ job: 'resign', err }, 'could not sign; the next attempt follows'),
  );
}

/** A notice that was lost costs this much. */
const LOOK_MS = 3_000;

/**
 * What another process published is soon served here too: told by the database, and looked for in case nobody told. Of what
 * is proposed, whichever process took it in, those hear who listen here.
 */
export function startFollowing(context: Context): Listening {
  const { config, publisher, notices, log } = context;
  const isShared = config.database.kind === 'postgres';
  const follow = () =>
    publisher
      .follow()
      .catch((err) => log.warn({ job: 'follow', err }, 'could not look at what others published'));
  const listening = notices.listen((notice) => {
    const [kind, name = ''] = notice.split(' ');
    // Connections outlive the look at a credential; should the notice be lost, what it hears are hints.
    if (kind === 'shut') context.hub.drop(name);
    else if (kind === 'advisory') tellToLook(context);
    else if (notice !== 'publication') void tellOfProposals(context, notice);
    else if (isShared) void follow();
  });
  const timer = isShared ? setInterval(follow, LOOK_MS).unref() : undefined;
  return {
    begun: listening.begun,
    stop: async () => {
      clearInterval(timer);
      await listening.stop();
    },
  };
}

/** Whoever is exposed finds the order, or the proposal, with its next question: that is now. */
function tellToLook({ hub, publisher }: Context): void {
  const { version } = publisher.published();
  const news = version === null ? {} : { timestamp: version };
  hub.tellAll({ ...news, proposals: true }, 'emergency');
}

async function tellOfProposals({ db, hub, log }: Context, notice: Notice): Promise<void> {
  const [kind, name = ''] = notice.split(' ');
  try {
    hub.tell(kind === 'group' ? await listMembers(db, name) : [name], { proposals: true });
  } catch (err) {
    // They hear of it with their next report.
    log.warn({ job: 'hints', err }, 'could not tell whom something is proposed to');
  }
}
