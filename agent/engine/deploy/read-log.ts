// What a service wrote, as whoever runs the install may see it: without a secret, and harmless to a terminal.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { sanitizeText } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { MOST_LOG_LINES } from '../../../shared/protocol/upkeep.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { currentGeneration } from './begin.ts';
import { prepare, type Sources } from './prepare.ts';

/** What came since a time is asked for as a whole, as far as that goes. */
const MOST_BYTES = 64 * 1024;
const MOST_BYTES_SINCE = 1024 * 1024;

export interface WhichLog {
  /** What this deployment left of it when it failed. */
  readonly change?: number | undefined;
  readonly since?: EpochMs | undefined;
}

/** Errors: change/no-log, service/no-log, disk/*. */
export async function readLog(
  options: Sources,
  component: ComponentKey,
  { change, since }: WhichLog,
): Promise<readonly string[]> {
  const generations = await options.store.generations();
  const generation = await currentGeneration(options, generations);
  // What ran before wrote into the same log, and may have had others. What cannot be read any more cannot be learned.
  for (const earlier of generations) await prepare(options, earlier, component).catch(() => null);
  // The service's secrets have to be known before its log is read.
  const one = await prepare(options, generation, component);
  if (change === undefined) {
    const most = since === undefined ? MOST_BYTES : MOST_BYTES_SINCE;
    // Managers of services know no time before 1970.
    const from = since === undefined ? undefined : Math.max(0, since);
    const log = await options.driver.logs(one?.unit.component ?? component, most, from);
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
  return lines.length === 1 && lines[0] === '' ? [] : lines.slice(-MOST_LOG_LINES);
}
