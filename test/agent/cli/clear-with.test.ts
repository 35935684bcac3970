// Every command that a refusal prints exists, with all the options it needs.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../agent/cli/program.ts';
import { BLOCKER_RULES } from '../../../shared/policy/blockers.ts';
import type { Blocker } from '../../../shared/schema/decision.ts';
import { decideScenario, type Scenario } from '../../support/scenario.ts';

interface Table {
  readonly common: Partial<Scenario>;
  readonly rows: readonly (Partial<Scenario> & { readonly name: string })[];
}

class Reached extends Error {}

const FOLDER = new URL('../../vectors/decisions/', import.meta.url);
const blockers: readonly Blocker[] = readdirSync(FOLDER)
  .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Table)
  .flatMap(({ common, rows }) =>
    rows.flatMap((row) => decideScenario({ releases: {}, ...common, ...row }).decision.blockers),
  );

/** What a shell makes of it, for commands without escapes. */
function words(command: string): readonly string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

/** True when the program understands every word, so that only the action itself is left to do. */
async function isUnderstood(command: string): Promise<boolean> {
  const program = createProgram({
    createContext: () => Promise.reject(new Reached()),
    runAgent: () => Promise.reject(new Reached()),
    exit: () => undefined,
  });
  const [name, ...argv] = words(command);
  for (const each of [program, ...everySubcommand(program)])
    each.configureOutput({ writeErr: () => undefined });
  const outcome = await program.parseAsync(argv, { from: 'user' }).catch((error: unknown) => error);
  return name === 'fairlead' && outcome instanceof Reached;
}

function everySubcommand(program: ReturnType<typeof createProgram>): readonly (typeof program)[] {
  return program.commands.flatMap((command) => [
    command as typeof program,
    ...everySubcommand(command as typeof program),
  ]);
}

describe('the command that clears a reason', () => {
  const commands = [...new Set(blockers.flatMap(({ clearWith }) => clearWith?.split(' && ') ?? []))];

  it.each(commands.filter((command) => command.startsWith('fairlead ')))('exists: %s', async (command) => {
    expect(await isUnderstood(command)).toBe(true);
  });

  it('is one of ours, or corrects the clock', () => {
    const others = commands.filter((command) => !command.startsWith('fairlead '));

    expect(others).toEqual(['timedatectl set-ntp true']);
  });

  it('is looked at for every reason there is', () => {
    const seen = new Set(blockers.map(({ code }) => code));

    expect(Object.keys(BLOCKER_RULES).filter((code) => !seen.has(code))).toEqual([]);
  });

  it('is given for every reason that is the operator’s to clear, but a refusal and a host to repair', () => {
    const mute = blockers.filter(({ owner, clearWith }) => owner === 'admin' && clearWith === undefined);

    expect([...new Set(mute.map(({ code }) => code))].sort()).toEqual([
      'approval-denied',
      'settings-invalid',
    ]);
  });
});

describe('the check itself', () => {
  it.each([
    'fairlead nonsense',
    'fairlead release',
    'fairlead pin remove core/auth',
    'fairlead apply --override signature --reason "why"',
    'vendor status',
  ])('does not understand %s', async (command) => {
    expect(await isUnderstood(command)).toBe(false);
  });
});
