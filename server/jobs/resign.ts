// Keeps snapshot and timestamp signed, long before they expire, as long as the server runs.
import cron from 'node-cron';
import type { Context } from '../context.ts';

/** A failed attempt is repeated that soon; the timestamp then still has most of its day. */
const EVERY_TEN_MINUTES = '*/10 * * * *';

/** Signs what is due, by the clock, until stopped. */
export function startResigning(context: Context): { stop(): Promise<void> } {
  const task = cron.schedule(EVERY_TEN_MINUTES, () => resign(context), {
    name: 'resign',
    noOverlap: true,
    suppressMissedWarning: true,
  });
  return {
    stop: async () => {
      await task.destroy();
    },
  };
}

/** Signs what is due now. A failure is logged, shows in /readyz, and is tried again. */
export async function resign({ publisher, log }: Pick<Context, 'publisher' | 'log'>): Promise<void> {
  try {
    const outcome = await publisher.resign();
    if (outcome === 'signed') log.info({ job: 'resign' }, 'signed snapshot and timestamp again');
  } catch (error) {
    log.error({ job: 'resign', err: error }, 'could not sign; the next attempt follows');
  }
}
