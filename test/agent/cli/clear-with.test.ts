// Every command that a refusal prints exists, with all the options it needs.
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../agent/cli/program.ts';
import { BLOCKER_RULES } from '../../../shared/policy/blockers.ts';

class Reached extends Error {}

/** What stands for the parts that only a case knows. */
const PARTS: Readonly<Record<string, string>> = {
  component: 'core/auth',
  version: '1.0.0',
  drivers: 'systemd,compose',
  emergency: ' --emergency',
  plan: `sha256:${'a'.repeat(64)}`,
  key: ' --key FILE',
  fact: 'region',
  edit: 'set core/auth port VALUE',
};

const rules = Object.entries(BLOCKER_RULES).map(([code, rule]) => ({ code, ...rule }));

function withParts(command: string): string {
  return command.replace(/\{(\w+)\}/g, (_, part: string) => PARTS[part] ?? `{${part}}`);
}

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
  const commands = [...new Set(rules.flatMap(({ clear }) => (clear === null ? [] : [withParts(clear)])))];

  it.each(commands.filter((command) => command.startsWith('fairlead ')))('exists: %s', async (command) => {
    expect(await isUnderstood(command)).toBe(true);
  });

  it('is one of ours, or corrects the clock', () => {
    const others = commands.filter((command) => !command.startsWith('fairlead '));

    expect(others).toEqual(['timedatectl set-ntp true']);
  });

  it('is given for every reason that is the operator’s to clear, but a refusal and a file to edit', () => {
    const mute = rules.filter(({ owner, clear }) => owner === 'admin' && clear === null);

    expect(mute.map(({ code }) => code)).toEqual(['not-enabled', 'approval-denied']);
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
