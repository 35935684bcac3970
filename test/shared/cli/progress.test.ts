// How far long work is, where nobody watches and where somebody does.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
  beforeEach(() => void vi.stubEnv('CI', undefined));
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    ['a pipe', {}],
    ['a terminal too narrow for a bar', { isTTY: true, columns: 20 }],
    ['a terminal that says no width', { isTTY: true }],
  ])('is one harmless line a step on %s', (_what, stream) => {
    expect(writtenBy(stream, false)).toBe('packing core/auth …\nuploading\ufffd[2J a pack …\n');
  });

  it('is one line a step on a terminal that nobody watches', () => {
    vi.stubEnv('CI', 'true');

    expect(writtenBy({ isTTY: true, columns: 120 }, false)).toBe(
      'packing core/auth …\nuploading\ufffd[2J a pack …\n',
    );
  });

  it('is nothing beside JSON', () => {
    expect(writtenBy({ isTTY: true, columns: 120 }, true)).toBe('');
  });

  it.each([
    [59, 'packing core/auth …\nuploading\ufffd[2J a pack …\n'],
    [60, ''],
  ])('is lines or a bar on a terminal of %i columns', (columns, written) => {
    expect(writtenBy({ isTTY: true, columns }, false)).toBe(written);
  });

  it('is a bar on a terminal that only grows, one for each step, and leaves nothing on its line', async () => {
    const shown = await barOf([
      ['a', 1, 4],
      ['a', 3, 4],
      ['a', 2, 4],
      [`x\u001b${'b'.repeat(88)}`, 999, 1000],
    ]);

    expect(shown.labels).toEqual(['25% a', '75% a', `99% x\ufffd${'b'.repeat(77)}…`]);
    expect(shown.filled).toEqual([6, 18, 23]);
    // The cursor goes to the first column and the line is erased before another bar, and before anything else is written.
    expect(shown.text.match(/\u001b\[1G\u001b\[J\u001b\[\?25h(?:\u001b\[\?25l|AFTER)/g)).toHaveLength(2);
  });

  it.each([
    ['that is over', [['a', 4, 4]]],
    ['that was more than was foreseen', [['a', 5, 4]]],
    ['of nothing', [['a', 0, 0]]],
  ] as const)('is no bar for a step %s', async (_what, steps) => {
    expect((await barOf(steps)).text).toBe('AFTER');
  });

  it('leaves nothing on the line of a step that has come to its end', async () => {
    const { text } = await barOf([
      ['a', 1, 4],
      ['a', 4, 4],
    ]);

    expect(text).toMatch(/a 25%\u001b\[1G\u001b\[J\u001b\[\?25hAFTER$/);
  });
});

/** What is on a terminal of 120 columns when each step was shown until a frame of it was drawn. */
async function barOf(steps: readonly (readonly [step: string, done: number, total: number])[]) {
  const module = new URL('../../../shared/cli/progress.ts', import.meta.url).href;
  const script = `
    const { createProgress } = await import(${JSON.stringify(module)});
    Object.defineProperty(process.stderr, 'isTTY', { value: true });
    Object.defineProperty(process.stderr, 'columns', { value: 120 });
    let frames = 0;
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text, ...more) => {
      if (String(text).includes('%')) frames += 1;
      return write(text, ...more);
    };
    const progress = createProgress(process.stderr, false);
    await import('@clack/prompts');
    await new Promise((resolve) => setImmediate(resolve));
    for (const [step, done, total] of ${JSON.stringify(steps)}) {
      progress.show(step, done, total);
      for (const before = frames; frames === before && done < total;) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    progress.clear();
    write('AFTER');
  `;
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, FORCE_COLOR: '1', NO_COLOR: undefined },
  });
  const frames = [...stderr.matchAll(/\u001b\[35m(━*)\u001b\[39m\u001b\[2m━*\u001b\[22m (.*?) (\d+%)/g)].map(
    ([, filled = '', label, percent]) => ({ filled: filled.length, label: `${percent} ${label}` }),
  );
  const changes = frames.filter(({ label }, i) => label !== frames[i - 1]?.label);
  return {
    text: stderr,
    labels: changes.map(({ label }) => label),
    filled: changes.map(({ filled }) => filled),
  };
}
