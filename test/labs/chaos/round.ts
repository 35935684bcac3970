// One story under kills: every command, the server and the agent die at random moments and are only ever run again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { endProcessesOf } from '../demo/leftovers.ts';
import { createOfflineEdition } from '../demo/offline-edition.ts';
import { play } from '../demo/play.ts';
import { prepareAhead } from '../demo/prepare.ts';
import { createStage, environmentFor } from '../demo/stage.ts';
import { createTerminal, DemoFailure } from '../demo/terminal.ts';
import { createChance } from './chance.ts';
import { harass } from './harass.ts';
import { findProblems } from './invariants.ts';
import type { Tally } from './tally.ts';

export interface Round {
  readonly tally: Tally;
  /** What a person would have to repair; empty is the promise. */
  readonly problems: readonly string[];
  /** Kept when there are problems. */
  readonly directory: string;
}

/** `print` gets what the demo would show. */
export async function playUnderKills(seed: number, print: (text: string) => void): Promise<Round> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-chaos-'));
  const edition = createOfflineEdition();
  const stage = await createStage({
    directory,
    edition,
    terminal: createTerminal(directory, environmentFor(directory), print),
    prepared: prepareAhead(edition, join(directory, 'apps')),
    agentOptions: ['--soak', edition.soak, '--poll-interval', 'PT2S'],
  });
  const harassed = harass(stage, createChance(seed));
  const end = () => void endProcessesOf(directory).then(() => process.exit(130));
  process.once('SIGINT', end);
  const problems: string[] = [];
  try {
    await play(harassed.stage);
    await harassed.end();
    problems.push(...(await findProblems(stage)));
  } catch (error) {
    if (!(error instanceof DemoFailure) && !isFairleadError(error)) throw error;
    problems.push(`the story stopped: ${error.message}`);
  } finally {
    await harassed.end();
    await stage.close();
    process.off('SIGINT', end);
  }
  if (problems.length === 0) await rm(directory, { recursive: true, force: true });
  return { tally: harassed.tally(), problems, directory };
}
