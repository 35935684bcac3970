// What a service wrote, as whoever runs the install may see it: without a secret, and harmless to a terminal.
import { sanitizeText } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { currentGeneration } from './begin.ts';
import type { DeployerOptions } from './options.ts';
import { prepare } from './prepare.ts';

const MOST_BYTES = 64 * 1024;

/** Of a deployment that failed where one is named. Errors: change/no-log, service/no-log, disk/*. */
export async function readLog(
  options: DeployerOptions,
  component: ComponentKey,
  change: number | undefined,
): Promise<readonly string[]> {
  const generation = await currentGeneration(options, await options.store.generations());
  // The service's secrets have to be known before its log is read.
  const one = await prepare(options, generation, component);
  if (change === undefined) {
    const log = await options.driver.logs(one?.unit.component ?? component, MOST_BYTES);
    // An empty answer would read as a quiet service, where a name was misspelt.
    if (one === null && log === '') throw new FairleadError('service/no-log', { component });
    return linesOf(log);
  }
  const evidence = await options.store.readEvidence(change);
  const found = evidence?.components.find((each) => each.component === component);
  if (found === undefined) throw new FairleadError('change/no-log', { change, component });
  return linesOf(found.log);
}

function linesOf(log: string): readonly string[] {
  const lines = sanitizeText(log).replace(/\n$/, '').split('\n');
  return lines.length === 1 && lines[0] === '' ? [] : lines;
}
