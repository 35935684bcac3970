// What a person is told when they typed something that cannot be: all of it while it is short, its ends while it is long.
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { confirm, createOutput, describeMisuse, sanitizeMisuse } from '../../../shared/cli/output.ts';

// The library takes hold of it once, when it is loaded.
const terminal = new PassThrough();
vi.spyOn(process, 'stdin', 'get').mockReturnValue(terminal as never);

describe('a slip', () => {
  it.each([
    ['is told as it is', "error: unknown option '--nope'\n", "error: unknown option '--nope'"],
    ['is told whole up to five hundred characters', 'x'.repeat(500), 'x'.repeat(500)],
    [
      'is told by both its ends when it is longer',
      `${'a'.repeat(251)}${'b'.repeat(250)}`,
      `${'a'.repeat(250)}…${'b'.repeat(250)}`,
    ],
    [
      'of an argument names it first, as of an option',
      "error: command-argument value 'a b' is invalid for argument 'plan'. It must be a digest.",
      "error: argument 'plan' cannot be 'a b'. It must be a digest.",
    ],
    [
      'of an argument is read without commander’s word before it, over several lines, too',
      "command-argument value 'a\nb' is invalid for argument 'plan'. It must be a digest.",
      "argument 'plan' cannot be 'a\nb'. It must be a digest.",
    ],
    [
      'that only quotes such a sentence stays as it is',
      "error: unknown word command-argument value 'a' is invalid for argument 'b'.",
      "error: unknown word command-argument value 'a' is invalid for argument 'b'.",
    ],
  ])('%s', (_what, message, told) => {
    expect(sanitizeMisuse(message)).toBe(told);
    expect(describeMisuse(message)).toBe(
      `${told}\n  hint: the same command with --help says what it takes\n`,
    );
  });
});

it.each([
  ['is a no where somebody only presses the key', '\r', false],
  ['is a yes where they say so', 'y', true],
  ['is a no where they leave it', '\u0003', false],
])('a question %s', async (_what, typed, answer) => {
  const shown = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => shown.mockRestore());

  const asked = confirm('Really?');
  await vi.waitFor(() => expect(shown).toHaveBeenCalled());
  terminal.write(typed);

  expect(await asked).toBe(answer);
});

describe('an answer', () => {
  it('of no lines is nothing for people, and a document for programs all the same', () => {
    const printed = [false, true].map((json) => {
      const said: string[] = [];
      const stream = { write: (text: string) => said.push(text) };
      createOutput('tool', stream, stream, json).result('answer', [], {});
      return said.join('');
    });

    expect(printed).toEqual(['', '{"schema":"tool/answer@1"}\n']);
  });
});
