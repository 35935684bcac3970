// The slot beside a running blue-green component: emptied once what runs has the traffic to itself.
import { FairleadError } from '../../../shared/errors/error.ts';
import { otherSlot, slotKey } from '../../core/deploy/blue-green.ts';
import type { DeployerOptions } from './options.ts';
import type { PreparedComponent } from './prepare.ts';

/** Error: service/stuck. */
export async function stopBeside({ driver }: DeployerOptions, one: PreparedComponent): Promise<void> {
  if (one.route === null) return;
  const beside = slotKey(one.component, otherSlot(one.route.slot));
  if ((await driver.status(beside)).kind === 'absent') return;
  const outcome = await driver.stop(beside, one.unit.stopTimeoutMs);
  if (outcome === 'stuck') throw new FairleadError('service/stuck', { component: one.component });
}
