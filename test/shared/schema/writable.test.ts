// What a release may declare writable: directories inside its tree, each apart from the others.
import { describe, expect, it } from 'vitest';
import { isWritable, writable } from '../../../shared/schema/service.ts';

describe('writable paths', () => {
  it.each([[[]], [['cache']], [['var/cache', 'var/uploads']], [['cache', 'cache2']], [['.cache']]])(
    'may be %j',
    (paths) => {
      expect(writable.safeParse(paths).success).toBe(true);
    },
  );

  it.each([
    ['the whole tree', ['.']],
    ['nothing', ['']],
    ['what lies beside the tree', ['../other']],
    ['a way out', ['cache/../..']],
    ['an absolute path', ['/etc']],
    ['a path that is no plain one', ['cache//sub']],
    ['a directory twice', ['cache', 'cache']],
    ['a directory in another', ['cache', 'cache/sub']],
    ['control characters', ['ca\nche']],
  ])('may not be %s', (_, paths) => {
    expect(writable.safeParse(paths).success).toBe(false);
  });

  it.each([
    ['cache', true],
    ['cache/a/b', true],
    ['cached', false],
    ['a/cache', false],
    ['', false],
  ])('say of %j whether it may be written', (path, may) => {
    expect(isWritable(path, ['var', 'cache'])).toBe(may);
    expect(isWritable(path, [])).toBe(false);
  });
});
