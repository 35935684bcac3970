// Supervision: what `current` names runs; what exits is started again, with growing pauses.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { afterStart, isRestartDue, NEVER_RESTARTED, type RestartHistory } from '../../core/pauses.ts';
import type { Generation, ServiceUnit } from '../../ports/deploy.ts';
import { currentGeneration } from './begin.ts';
import { createDrains } from './drains.ts';
import type { DeployerOptions } from './options.ts';
import { placementOf } from './placement.ts';
import { prepare, startOrder } from './prepare.ts';

export interface Supervisor {
  /** One look at every service of the generation: starts what is down and due, replaces what is not what it should be. */
  attend(generation: Generation): Promise<void>;
}

export function createSupervisor(options: DeployerOptions): Supervisor {
  const histories = new Map<ComponentKey, RestartHistory>();
  const drains = createDrains(options);

  async function attendOne(generation: Generation, component: ComponentKey): Promise<void> {
    const { driver, clock } = options;
    const history = histories.get(component) ?? NEVER_RESTARTED;
    if (!isRestartDue(history, clock.monotonic())) return;
    const noteAttempt = () => histories.set(component, afterStart(history, clock.monotonic()));
    const prepared = await prepare(options, generation, component).catch((error: unknown) => {
      noteAttempt();
      throw error;
    });
    if (prepared === null) return;
    const { unit, place } = prepared;
    // Nothing here starts the agent; where a cut came between its commit and its end, its trial ends now.
    if (unit.kind === 'agent')
      return void ((await driver.runs(unit)) && (await driver.keepOnly(component, unit)));
    if (!(await driver.runs(unit))) {
      noteAttempt();
      if (unit.kind === 'compose') await options.volumes.verifyWhole(component);
      if (await mustStop(unit)) await driver.stop(unit.component, unit.stopTimeoutMs);
      await driver.start(unit);
    }
    await place.open();
    await drains.attend(generation, prepared);
  }

  /**
   * Another version may still run where the disk lost a generation: it gives way to what `current` names. Of a project that has
   * ended, as with a boot, the start takes up what is left: removed, its migrations would run again.
   */
  async function mustStop({ kind, component }: ServiceUnit): Promise<boolean> {
    return kind !== 'compose' || (await options.driver.status(component)).kind === 'running';
  }

  return {
    async attend(generation) {
      for (const component of startOrder(generation)) {
        await attendOne(generation, component).catch(options.onWarning);
      }
    },
  };
}

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
