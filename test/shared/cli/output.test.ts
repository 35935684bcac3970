// What a person is told when they typed something that cannot be: all of it while it is short, its ends while it is long.
import { describe, expect, it } from 'vitest';
import { createOutput, describeMisuse, sanitizeMisuse } from '../../../shared/cli/output.ts';

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
