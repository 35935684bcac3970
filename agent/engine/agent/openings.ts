// The next times at which a deployment may start, as every answer writes them.
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { nextOpenings } from '../../../shared/policy/windows.ts';
import type { Opening } from '../../../shared/protocol/upkeep.ts';
import type { Policy } from '../../../shared/schema/policy.ts';

const SHOWN = 3;

export function describeOpenings({ windows }: Pick<Policy, 'windows'>, from: EpochMs): Opening[] {
  return nextOpenings(windows, from, SHOWN).map(({ opens, closes }) => ({
    opens: formatInstant(opens),
    closes: closes === null ? null : formatInstant(closes),
  }));
}
