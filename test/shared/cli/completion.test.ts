// Completion for each shell: every place of the command tree once, with what may follow there.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type CommandSpec, createProgram } from '../../../shared/cli/command.ts';
import { renderCompletion } from '../../../shared/cli/completion.ts';

const command = (name: string, ...flags: readonly string[]): CommandSpec<object> => ({
  name,
  about: '',
  options: flags.map((each) => ({ flags: each, about: '' })),
  load: async () => async () => 0,
});
const program = createProgram<object>({
  name: 'fairlead',
  about: '',
  version: '1.0.0',
  common: [{ flags: '--json', about: '' }],
  groups: {},
  commands: [
    command('pin old remove', '--reason <text>'),
    command('pin add', '-y, --yes', '-x'),
    command('status'),
  ],
  createContext: async () => ({}),
  exit: () => undefined,
});

/** What may follow in each place, in order. */
const PLACES = {
  '': '--help --json --version pin status',
  pin: '--help add old',
  'pin old': '--help remove',
  'pin old remove': '--help --json --reason',
  'pin add': '--help --json --yes',
  status: '--help --json',
};

describe('the script', () => {
  it('for bash completes what may follow, in every place', () => {
    const script = renderCompletion('bash', program);
    const found = Object.keys(PLACES).map((path) => {
      const words = ['fairlead', ...path.split(' ').filter((word) => word !== ''), ''];
      const asked = `${script}
        COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length - 1}
        _fairlead; echo "\${COMPREPLY[@]}"`;
      return [path, execFileSync('bash', ['-c', asked], { encoding: 'utf8' }).trim()];
    });

    expect(Object.fromEntries(found)).toEqual(PLACES);
  });

  it('for zsh is that for bash, behind what lets zsh read it', () => {
    expect(renderCompletion('zsh', program)).toBe(
      `autoload -U +X bashcompinit && bashcompinit\n${renderCompletion('bash', program)}`,
    );
  });

  it('for fish has a line for every place, and knows the way to each', () => {
    const script = renderCompletion('fish', program);
    const lines = script.split('\n').filter((line) => line.startsWith('complete '));

    expect(lines.map((line) => /__fairlead_at "(.*)"' -a '(.*)'$/.exec(line)?.slice(1)).toSorted()).toEqual(
      Object.entries(PLACES).toSorted(),
    );
    expect(script).toContain(' pin pin/old pin/old/remove pin/add status; and ');
  });
});
