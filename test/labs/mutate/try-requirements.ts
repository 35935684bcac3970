// Tries every line that a requirement hangs on, and says which could go unnoticed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Baselines } from './baselines.ts';
import { PROGRAM_FOLDERS } from './campaign.ts';
import { readImportGraph } from './import-graph.ts';
import { judgeLines, type LineVerdict, parseRequirementLines, REQUIREMENTS } from './requirement-lines.ts';

const SLOWEST_MS = 120_000;

/** Of these requirements, or of all. Resolves to the number of lines that prove nothing. */
export async function tryRequirements(
  checkout: string,
  ids: readonly string[],
  journal: string,
  say: (line: string) => void,
): Promise<number> {
  const lines = parseRequirementLines(readFileSync(join(checkout, REQUIREMENTS), 'utf8'));
  const chosen = lines.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const options = {
    checkout,
    graph: readImportGraph(checkout, PROGRAM_FOLDERS),
    baselines: new Baselines(`${journal}.baselines`, checkout),
    nearest: 1,
    slowestMs: SLOWEST_MS,
  };
  let wrong = 0;
  await judgeLines(chosen, options, (verdict) => {
    const unproven = verdict.problem !== null || verdict.survived.length > 0;
    if (unproven) wrong++;
    say(`${unproven ? 'SURVIVED' : 'killed  '} ${sentence(verdict)}`);
  });
  say(`\n${chosen.length - wrong} of ${chosen.length} lines are held by the test beside them`);
  return wrong;
}

function sentence({ id, excerpt, file, test, survived, problem }: LineVerdict): string {
  const why = problem ?? survived.join('; ');
  return `${id} ${file}: ${excerpt}${why === '' ? '' : `\n         ${why}\n         ${test}`}`;
}
