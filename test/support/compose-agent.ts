// An agent of its own process that starts and stops one project, for tests that kill it on the way.
import { join } from 'node:path';
import { createComposeDriver } from '../../agent/adapters/drivers/compose/compose-driver.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import type { UnitOf } from '../../agent/ports/deploy.ts';

const [stateDir = '', unit = ''] = process.argv.slice(2);
const wanted: UnitOf<'compose'> = JSON.parse(unit);
const driver = createComposeDriver({
  stateDir,
  runtimeDirectory: join(stateDir, 'run'),
  clock: systemClock,
});
await driver.prepare(wanted);
await driver.start(wanted);
await driver.stop(wanted.component, 5000);
