// Housekeeping for what runs, such as bounding its logs: also in the middle of a deployment, whose soak may last for days.
import { currentGeneration } from './begin.ts';
import type { DeployerOptions } from './options.ts';
import { placementOf } from './placement.ts';

const MAINTENANCE_MS = 60_000;

/** To be called often; does something once a minute. Errors: disk/*, and the driver's own. */
export function createMaintenance(options: DeployerOptions): () => Promise<void> {
  const { clock, store, driver } = options;
  let last = clock.monotonic();
  return async () => {
    if (clock.monotonic() - last < MAINTENANCE_MS) return;
    last = clock.monotonic();
    const current = await currentGeneration(options, await store.generations());
    const services = [...(current?.releases ?? [])].flatMap(
      ([key, { document }]) => placementOf(options, key, document).services,
    );
    for (const service of services) await driver.maintain(service);
  };
}
