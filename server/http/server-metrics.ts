// The numbers of the repository, and of what the server does by itself: what ends when, what is halted, how full disks are, which jobs fail, which webhook takes nothing.
import { instantMs } from '../../shared/encoding/instant.ts';
import { haltScopePath } from '../../shared/schema/release-ref.ts';
import type { Context } from '../context.ts';
import { readWebhookNumbers } from '../db/fleet-metrics.ts';
import { countJobs } from '../db/job-lists.ts';
import { listTokenExpiries } from '../db/token-lists.ts';
import { readHaltDocument } from '../repository/halting.ts';
import { selectWatched } from '../repository/offers.ts';
import type { DocumentRef } from '../repository/state.ts';
import { onceByDigest, together, type Watch } from './metric-table.ts';

export function observeServer(watch: Watch, context: Context): void {
  observeRepository(watch, context);
  observeHalts(watch, context);
  observeDisks(watch, context);
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

function observeHalts(watch: Watch, { publisher, store, readOffers, now }: Context): void {
  const readHalts = onceByDigest((ref: DocumentRef) => readHaltDocument(store, ref));
  watch('fairlead_halts_in_force', async (say) => {
    const { halts } = publisher.published();
    const paths = new Set(halts.map(({ path }) => path));
    const found = (await readHalts(halts)).filter((one) => one !== null);
    const inForce = found.filter(({ expires }) => instantMs(expires) > now());
    const ofClass = inForce.filter(({ digest }) => paths.has(haltScopePath(digest))).length;
    say(inForce.length - ofClass, 'all');
    say(ofClass, 'class');
  });
  watch('fairlead_offers_unwatched', async (say) => {
    const published = publisher.published();
    const { all } = await readOffers(published);
    say(selectWatched(all, published.halts, now()).unwatched);
  });
}

function observeDisks(watch: Watch, { readDisks }: Context): void {
  const read = together(readDisks);
  watch('fairlead_disk_free_bytes', async (say) => {
    for (const { disk, free } of await read()) say(free, disk);
  });
  watch('fairlead_disk_size_bytes', async (say) => {
    for (const { disk, size } of await read()) say(size, disk);
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
