// fairlead agent switch: passes connections on for a blue-green capability, until it is told to stop.
import { EXIT } from '../../../shared/errors/entry.ts';
import { serveTraffic } from '../../adapters/drivers/traffic/switch.ts';
import type { CliContext } from '../context.ts';

/** The process lives on for as long as it listens. */
export async function runSwitch(_context: CliContext, route: string): Promise<number> {
  serveTraffic(route);
  return EXIT.ok;
}
