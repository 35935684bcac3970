// The promise: whatever is killed, whenever, is only ever run again.
import { describe, expect, it } from 'vitest';
import { playUnderKills } from '../labs/chaos/round.ts';

// A minute and a half on an idle machine; the other tests are not idle.
const PATIENCE_MS = 900_000;

describe('the demo’s story under kills', { timeout: PATIENCE_MS }, () => {
  it('comes to its end with everything whole, and nobody repaired anything', async () => {
    const { tally, problems } = await playUnderKills(20_261_120, () => undefined);

    expect(problems).toEqual([]);
    const struck = Object.keys(tally.kills);
    expect(struck).toEqual(expect.arrayContaining(['fairlead-vendor command', 'server']));
    // Killed in the middle of deployments, not only between them.
    expect(struck.filter((what) => /^agent, (?!idle)/.test(what)).length).toBeGreaterThanOrEqual(2);
    // And its operator could watch what it took up again.
    expect(tally.resumed).toBeGreaterThan(0);
  });
});
