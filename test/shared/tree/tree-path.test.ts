// Paths and link targets: what may stand in a tree, and where links lead.
import { describe, expect, it } from 'vitest';
import { createLinkWalk } from '../../../shared/tree/tree-links.ts';
import { pathProblem, targetProblem } from '../../../shared/tree/tree-path.ts';

describe('pathProblem', () => {
  it.each([
    ['a plain name', 'server.js'],
    ['a nested path', 'lib/a/b.js'],
    ['a name that starts with dots', 'lib/..data/...'],
    ['a hidden file', '.npmrc'],
    ['blanks and punctuation', 'read me (1)~#%.txt'],
    ['letters beyond ASCII, composed or not', 'Grüße/gru\u0308n/🙂'],
    ['a part of 255 bytes', 'x'.repeat(255)],
    ['a path of 1024 bytes', `${`${'a'.repeat(127)}/`.repeat(7)}${'a'.repeat(128)}`],
    ['a path of 128 parts', `${'a/'.repeat(127)}a`],
    ['letters right above the controls', '\u00a0 \u0020~'],
  ])('accepts %s', (_, path) => {
    expect(pathProblem(path)).toBeNull();
  });

  it.each([
    ['an empty path', ''],
    ['an absolute path', '/etc/passwd'],
    ['a path that climbs', '../x'],
    ['a path that climbs half-way', 'a/../../x'],
    ['a current-directory part', 'a/./b'],
    ['an empty part', 'a//b'],
    ['a trailing slash', 'a/'],
    ['a backslash', 'a\\..\\b'],
    ['a NUL', 'a\u0000b'],
    ['a line break', 'a\nb'],
    ['a C1 control', 'a\u009bb'],
    ['the last of the controls', 'a\u009fb'],
    ['the last below the letters', 'a\u001fb'],
    ['DEL', 'a\u007fb'],
    ['a part of two dots at its end', 'a/..'],
    ['a part of one dot alone', '.'],
    ['half of a surrogate pair', 'a\ud800'],
    ['a part of 256 bytes', 'x'.repeat(256)],
    ['a part of 256 bytes in fewer characters', 'é'.repeat(128)],
    ['a path above 1024 bytes', `${'abc/'.repeat(256)}d`],
    ['a path of 129 parts', `${'a/'.repeat(128)}a`],
  ])('refuses %s', (_, path) => {
    expect(pathProblem(path)).not.toBeNull();
  });
});

describe('targetProblem', () => {
  it.each([
    ['a name', 'x'],
    ['a climb', '../../x'],
    ['a detour', './a/../b/'],
    ['a target of 1024 bytes', 'x'.repeat(1024)],
    ['a slash behind', 'x/'],
  ])('accepts %s', (_, target) => {
    expect(targetProblem(target)).toBeNull();
  });

  it.each([
    ['an empty target', ''],
    ['an absolute target', '/lib/x'],
    ['a control character', 'a\u001b[2J'],
    ['a backslash', 'a\\b'],
    ['half of a surrogate pair', '\udc00'],
    ['a target above 1024 bytes', 'x'.repeat(1025)],
  ])('refuses %s', (_, target) => {
    expect(targetProblem(target)).not.toBeNull();
  });
});

describe('what is wrong with a path', () => {
  it.each([
    ['', 'it is empty'],
    ['/a', 'it is absolute, or has an empty part between slashes'],
    ['a/../b', 'it has a part ".."'],
    ['./a', 'it has a part "."'],
    [`a/${'x'.repeat(256)}`, 'a part is longer than 255 bytes'],
    [`${'a/'.repeat(128)}a`, 'it has more than 128 parts'],
    [`${'abc/'.repeat(256)}d`, 'it is longer than 1024 bytes'],
    ['a\ud800', 'it is not valid UTF-8'],
    ['a\\b', 'it holds a control character or a backslash'],
  ])('is said of %j', (path, problem) => {
    expect(pathProblem(path)).toBe(problem);
  });

  it.each([
    ['', 'its target: it is empty'],
    ['a\nb', 'its target: it holds a control character or a backslash'],
    ['/a', 'its target is absolute'],
  ])('or with a target is said of %j', (target, problem) => {
    expect(targetProblem(target)).toBe(problem);
  });
});

describe('a walk through links', () => {
  it('counts what it looked at and what it knows, and follows each link once', () => {
    const walk = createLinkWalk();
    walk.add('a/b', 'c/./d');
    walk.add('a/e', 'b/f');
    expect([walk.parts(), walk.nodes()]).toEqual([4, 3]);

    expect([walk.problemOf('a/e'), walk.problemOf('a/b'), walk.problemOf('a/e')]).toEqual([null, null, null]);
    expect(walk.parts()).toBe(4 + 2 + 3);
  });

  it('says what is wrong, and nothing of what is no link', () => {
    const walk = createLinkWalk();
    walk.add('a/out', '../..');
    walk.add('a/loop', 'loop');
    walk.add('through', 'a/out/x');

    expect(['a/out', 'through', 'a/loop', 'a', 'a/other', 'b/c'].map((path) => walk.problemOf(path))).toEqual(
      [
        'it leads out of the tree',
        'it leads out of the tree',
        'it is part of a loop of links',
        null,
        null,
        null,
      ],
    );
  });
});

describe('a link', () => {
  const links = new Map([
    ['up', 'a/b/..'],
    ['root', '.'],
    ['a/top', '..'],
    ['loop-a', 'loop-b'],
    ['loop-b', 'loop-a'],
    ['self', 'self/x'],
    ['deep', 'a/b/c'],
    ['chain-0', 'x'],
    ...Array.from({ length: 60 }, (_, i) => [`chain-${i + 1}`, `chain-${i}`] as const),
  ]);
  const problemOf = (path: string, target: string) => {
    const walk = createLinkWalk();
    for (const each of [...links, [path, target] as const]) walk.add(...each);
    return walk.problemOf(path);
  };

  it.each([
    ['a neighbour', 'a/l', 'x'],
    ['the root itself', 'a/b/l', '../..'],
    ['what does not exist', 'l', 'nowhere/at/all'],
    ['a climb that stays inside', 'a/b/l', '../../bin/x'],
    ['a way through another link', 'l', 'up/x'],
    ['a climb out of what a link leads to', 'l', 'deep/../..'],
    ['forty links in a row', 'l', 'chain-39'],
  ])('lets a link lead to %s', (_, path, target) => {
    expect(problemOf(path, target)).toBeNull();
  });

  it.each([
    ['one step above the root', 'l', '..'],
    ['above the root and back in', 'a/l', '../../tree/x'],
    ['out through a link to the root', 'a/l', 'top/..'],
    ['out through two links', 'l', 'a/top/../a/top/..'],
    ['out where only the path without links stays inside', 'a/b/l', '../../..'],
    ['a loop', 'l', 'loop-a'],
    ['itself', 'l', 'self'],
    ['more links than the kernel follows', 'l', 'chain-40'],
  ])('refuses a link that leads %s', (_, path, target) => {
    expect(problemOf(path, target)).not.toBeNull();
  });
});
