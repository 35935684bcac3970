// An agent of its own process that starts and stops one project, for tests that kill it on the way.
import { createComposeDriver } from '../../agent/adapters/drivers/compose/compose-driver.ts';
import { systemClock } from '../../agent/adapters/machine/system-clock.ts';
import type { ComposeUnit } from '../../agent/ports/driver.ts';

const [stateDir = '', unit = ''] = process.argv.slice(2);
const wanted: ComposeUnit = JSON.parse(unit);
const driver = createComposeDriver({ stateDir, clock: systemClock });
await driver.start(wanted);
await driver.stop(wanted.component, 5000);
