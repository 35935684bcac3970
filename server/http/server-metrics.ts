// The numbers of the repository, and of what the server does by itself: what ends when, which jobs fail, which webhook takes nothing.
import type { Context } from '../context.ts';
import { readWebhookNumbers } from '../db/fleet-metrics.ts';
import { countJobs } from '../db/job-lists.ts';
import { listTokenExpiries } from '../db/token-lists.ts';
import { together, type Watch } from './metric-table.ts';

export function observeServer(watch: Watch, context: Context): void {
  observeRepository(watch, context);
  observeJobs(watch, context);
  observeWebhooks(watch, context);
}

function observeRepository(watch: Watch, { db, publisher }: Context): void {
  watch('fairlead_metadata_expires_timestamp_seconds', async (say) => {
    for (const { name, at } of publisher.published().expiries) say(at / 1000, name);
  });
  watch('fairlead_token_expires_timestamp_seconds', async (say) => {
    // Two may have one name: the first to end is the one to be warned of.
    const first = new Map<string, number>();
    for (const { name, at } of await listTokenExpiries(db)) {
      first.set(name, Math.min(at, first.get(name) ?? at));
    }
    for (const [name, at] of first) say(at / 1000, name);
  });
}

function observeJobs(watch: Watch, { db, now }: Context): void {
  watch('fairlead_jobs_failing', async (say) => {
    for (const { kind, failing, givenUp } of await countJobs(db, now())) {
      say(failing, kind, 'failing');
      say(givenUp, kind, 'given-up');
    }
  });
  watch('fairlead_job_overdue_seconds', async (say) => {
    for (const { kind, overdueMs } of await countJobs(db, now())) say(overdueMs / 1000, kind);
  });
}

function observeWebhooks(watch: Watch, { db }: Context): void {
  const readWebhooks = together(() => readWebhookNumbers(db));
  watch('fairlead_webhook_messages_waiting', async (say) => {
    for (const { name, waiting } of await readWebhooks()) say(waiting, name);
  });
  watch('fairlead_webhook_messages_dropped_total', async (say) => {
    for (const { name, dropped } of await readWebhooks()) say(dropped, name);
  });
  watch('fairlead_webhook_failing', async (say) => {
    for (const { name, isFailing } of await readWebhooks()) say(isFailing ? 1 : 0, name);
  });
}
