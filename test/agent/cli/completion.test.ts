// Completion: what bash makes of the script, for every depth of the command tree.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../agent/cli/program.ts';
import { renderCompletion, SHELLS } from '../../../shared/cli/completion.ts';

const program = createProgram({
  createContext: () => Promise.reject(new Error('not now')),
  runAgent: () => Promise.reject(new Error('not now')),
  exit: () => undefined,
});

function complete(...words: readonly string[]): readonly string[] {
  const script = `${renderCompletion('bash', program)}
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length - 1}
    _fairlead; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}

describe('bash', () => {
  it.each([
    [['fairlead', 'approva'], ['approvals']],
    [
      ['fairlead', 'pin', ''],
      ['--help', 'add', 'list', 'remove'],
    ],
    [['fairlead', '--json', 'pin', 'add', 'core/auth', '--r'], ['--reason']],
    [['fairlead', 'audit', 'verify', '--c'], ['--checkpoint']],
    [['fairlead', 'nonsense', 'doc'], ['doctor']],
  ])('completes %j', (words, expected) => {
    expect(complete(...words)).toEqual(expected);
  });
});

describe.each(SHELLS)('the script for %s', (shell) => {
  it('knows every command', () => {
    const script = renderCompletion(shell, program);

    expect(program.commands.filter((command) => !script.includes(command.name()))).toEqual([]);
  });
});
