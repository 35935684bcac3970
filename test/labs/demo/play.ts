// The whole story in its order, with the time each part took.
import type { Stage } from './stage.ts';
import * as story from './story.ts';
import { durationSince, type Timing } from './summary.ts';

export async function play(stage: Stage): Promise<readonly Timing[]> {
  const timings: Timing[] = [];
  const timed = async <T>(what: string, chapter: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await chapter();
    timings.push({ what, ms: performance.now() - start });
    return result;
  };
  await timed('set up: server, keys, empty repository', () => story.setUp(stage));
  await timed('two first releases: published, deployed, completed', () => story.deployFirstReleases(stage));
  const waiting = await timed('an ordinary release: published and not applied', () =>
    story.stayFrozen(stage),
  );
  await timed('a forced patch: published, deployed, completed', () => story.beForced(stage));
  await timed('two ordinary updates: published, deployed, completed', () =>
    story.updateAgain(stage, waiting),
  );
  await timed('a failing release: published, rolled back, withdrawn', () => story.failAndComeBack(stage));
  await story.proveIt(stage);
  const rolledBack = (await stage.changes()).find((record) => record.state === 'rolled-back');
  const back = rolledBack === undefined ? null : durationSince(rolledBack, 'rolling-back');
  if (back !== null)
    timings.push({ what: 'rollback: from the last failing probe to the version before, healthy', ms: back });
  return timings;
}
