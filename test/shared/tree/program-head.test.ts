// The first bytes of a file: what can be run, and of what cannot the reason and the remedy.
import { describe, expect, it } from 'vitest';
import { parseProgramHead } from '../../../shared/tree/program-head.ts';

const parse = (text: string) => parseProgramHead(Buffer.from(text, 'latin1'));
const LONG = 'name the interpreter by a shorter path';

describe('the head of a program', () => {
  it('is that of Linux', () => {
    expect(parse('\x7fELF\x02\x01')).toEqual({ kind: 'program' });
  });

  it.each([
    ['#!/bin/sh', '/bin/sh', null],
    ['#!/bin/sh\n', '/bin/sh', null],
    ['#! \t/bin/sh \t\nnot this', '/bin/sh', null],
    ['#!/usr/bin/env node\n', '/usr/bin/env', 'node'],
    ['#!/usr/bin/env -S  node --x\t\n', '/usr/bin/env', '-S  node --x'],
    ['#!bin/sh\n', 'bin/sh', null],
    [`#!/${'a'.repeat(252)}\nb`, `/${'a'.repeat(252)}`, null],
  ])('names its interpreter: %j', (text, interpreter, argument) => {
    expect(parse(text)).toEqual({ kind: 'script', interpreter, argument });
  });

  it.each([
    ['', 'an empty file', 'ship the file that your build makes'],
    ['\xef\xbb\xbf#!/bin/sh', 'a byte order mark before "#!"', 'save it as UTF-8 without a byte order mark'],
    ['MZ\x90', 'a program for Windows', 'build it for Linux'],
    ['\xcf\xfa\xed\xfe', 'a program for macOS', 'build it for Linux'],
    ['\xca\xfe\xba\xbe', 'a program for macOS', 'build it for Linux'],
    ['\xca\xfe\xba', 'neither a program nor a script', 'begin it with a line such as "#!/bin/sh"'],
    ['\xef\xbb\xbfecho', 'neither a program nor a script', 'begin it with a line such as "#!/bin/sh"'],
    ['\x7fEL', 'neither a program nor a script', 'begin it with a line such as "#!/bin/sh"'],
    ['#', 'neither a program nor a script', 'begin it with a line such as "#!/bin/sh"'],
    [`#!/${'a'.repeat(253)}\n`, 'a first line of over 255 bytes', LONG],
    [`#!/${'a'.repeat(500)}`, 'a first line of over 255 bytes', LONG],
    ['#!/bin/sh\r\n', 'a first line that ends in CR LF', 'save the script with line breaks of LF alone'],
    ['#!\n/bin/sh', '"#!" without an interpreter', 'write "#!/bin/sh" or another one'],
    ['#! \t', '"#!" without an interpreter', 'write "#!/bin/sh" or another one'],
    [
      '#!node server.js\n',
      'the interpreter "node", which is looked for on no PATH',
      'write "#!/usr/bin/env node"',
    ],
  ])('says of %j what is wrong', (text, problem, remedy) => {
    expect(parse(text)).toEqual({ kind: 'unusable', problem, remedy });
  });
});
