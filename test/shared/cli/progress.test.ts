// How far long work is, where nobody watches and where somebody does.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createProgress } from '../../../shared/cli/progress.ts';

function writtenBy(stream: { isTTY?: boolean; columns?: number }, isQuiet: boolean): string {
  const written: string[] = [];
  const progress = createProgress({ ...stream, write: (text) => void written.push(text) }, isQuiet);
  progress.show('packing core/auth', 1, 3);
  progress.show('packing core/auth', 2, 3);
  progress.show('packing core/auth', 3, 3);
  progress.show('uploading\u001b[2J a pack', 1, 1);
  progress.clear();
  return written.join('');
}

describe('progress', () => {
  it.each([
    ['a pipe', {}],
    ['a terminal too narrow for a bar', { isTTY: true, columns: 20 }],
    ['a terminal that says no width', { isTTY: true }],
  ])('is one harmless line a step on %s', (_what, stream) => {
    expect(writtenBy(stream, false)).toBe('packing core/auth …\nuploading\ufffd[2J a pack …\n');
  });

  it('is nothing beside JSON', () => {
    expect(writtenBy({ isTTY: true, columns: 120 }, true)).toBe('');
  });

  it('is a bar on a terminal, and leaves nothing on its line', async () => {
    const module = new URL('../../../shared/cli/progress.ts', import.meta.url).href;
    const script = `
      const { createProgress } = await import(${JSON.stringify(module)});
      Object.defineProperty(process.stderr, 'isTTY', { value: true });
      Object.defineProperty(process.stderr, 'columns', { value: 100 });
      const progress = createProgress(process.stderr, false);
      for (let done = 0; done <= 40; done++) {
        progress.show('hashing core/auth', done, 50);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      progress.clear();
      process.stderr.write('AFTER');
    `;

    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);

    expect(stderr).toMatch(/hashing core\/auth \d+%/);
    // The cursor goes to the first column and the line is erased before anything else is written.
    expect(stderr).toMatch(/\u001b\[1G\u001b\[J(?:\u001b\[\?25h)?AFTER/);
  });
});
