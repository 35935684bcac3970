// What the first bytes of a file say about running it: a script and its interpreter, a program, or neither.

export type ProgramHead =
  | { readonly kind: 'program' }
  | { readonly kind: 'script'; readonly interpreter: string; readonly argument: string | null }
  /** The kernel would refuse it, or look for an interpreter that cannot exist; `remedy` says what to write instead. */
  | { readonly kind: 'unusable'; readonly problem: string; readonly remedy: string };

/** As much of a file as `parseProgramHead` looks at. */
export const HEAD_BYTES = 512;

/** The kernel reads no further (BINPRM_BUF_SIZE), and cuts the interpreter's name there. */
const MAX_FIRST_LINE = 255;

const LF = 0x0a;

/** Other systems' programs by their first bytes. */
const FOREIGN: readonly (readonly [string, readonly number[]])[] = [
  ['Windows', [0x4d, 0x5a]],
  ['macOS', [0xcf, 0xfa, 0xed, 0xfe]],
  ['macOS', [0xca, 0xfe, 0xba, 0xbe]],
];

export function parseProgramHead(bytes: Uint8Array): ProgramHead {
  if (bytes.length === 0) return unusable('an empty file', 'ship the file that your build makes');
  if (startsWith(bytes, [0x7f, 0x45, 0x4c, 0x46])) return { kind: 'program' };
  if (startsWith(bytes, [0x23, 0x21])) return parseFirstLine(bytes);
  if (startsWith(bytes, [0xef, 0xbb, 0xbf, 0x23, 0x21])) {
    return unusable('a byte order mark before "#!"', 'save it as UTF-8 without a byte order mark');
  }
  const foreign = FOREIGN.find(([, magic]) => startsWith(bytes, magic));
  if (foreign !== undefined) return unusable(`a program for ${foreign[0]}`, 'build it for Linux');
  return unusable('neither a program nor a script', 'begin it with a line such as "#!/bin/sh"');
}

function parseFirstLine(bytes: Uint8Array): ProgramHead {
  const end = bytes.indexOf(LF);
  const line = bytes.subarray(2, end === -1 ? bytes.length : end);
  if (line.length + 2 > MAX_FIRST_LINE) {
    return unusable(`a first line of over ${MAX_FIRST_LINE} bytes`, 'name the interpreter by a shorter path');
  }
  const text = Buffer.from(line).toString();
  if (text.includes('\r')) {
    return unusable('a first line that ends in CR LF', 'save the script with line breaks of LF alone');
  }
  const [, interpreter = '', argument = null] = /^[ \t]*([^ \t]*)[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
  if (interpreter === '') return unusable('"#!" without an interpreter', 'write "#!/bin/sh" or another one');
  if (!interpreter.includes('/')) {
    return unusable(
      `the interpreter "${interpreter}", which is looked for on no PATH`,
      `write "#!/usr/bin/env ${interpreter}"`,
    );
  }
  return { kind: 'script', interpreter, argument: argument === '' ? null : argument };
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, at) => bytes[at] === byte);
}

function unusable(problem: string, remedy: string): ProgramHead {
  return { kind: 'unusable', problem, remedy };
}
