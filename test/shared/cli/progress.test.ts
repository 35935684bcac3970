// How far long work is, where nobody watches and where somebody does.
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

/** A terminal, what stands on its line, and the clock that goes on as it is told. */
function watched(columns = 100) {
  let text = '';
  const progress = createProgress(
    {
      isTTY: true,
      columns,
      write: (more) => {
        text += more;
      },
    },
    false,
    () => performance.now(),
  );
  const line = () => text.split('\r').at(-1)?.replace('\u001b[K', '');
  return { progress, line, all: () => text, frames: () => text.split('\r').length - 1 };
}

const pass = (ms: number) => vi.advanceTimersByTime(ms);

beforeEach(() => {
  vi.stubEnv('CI', undefined);
  vi.stubEnv('TERM', 'xterm');
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

const LINES = 'packing core/auth …\nuploading\ufffd[2J a pack …\n';

describe('progress where nobody watches', () => {
  it.each([
    ['a pipe', {}],
    ['a terminal too narrow for it', { isTTY: true, columns: 59 }],
    ['a terminal that says no width', { isTTY: true }],
  ])('is one harmless line a step on %s, and no escape code', (_what, stream) => {
    expect(writtenBy(stream, false)).toBe(LINES);
  });

  it.each([
    ['CI', 'true'],
    ['TERM', 'dumb'],
  ])('is one line a step where %s is %s', (name, value) => {
    vi.stubEnv(name, value);

    expect(writtenBy({ isTTY: true, columns: 120 }, false)).toBe(LINES);
  });

  it('is nothing beside JSON', () => {
    expect(writtenBy({ isTTY: true, columns: 120 }, true)).toBe('');
  });
});

describe('progress on a terminal', () => {
  it('says how much of it is there, how fast it comes and how long the rest takes', () => {
    const { progress, line } = watched();
    for (let done = 0; done <= 4; done++) {
      progress.show('uploading core/auth@1.0.1', done * 1_000_000, 10_000_000);
      pass(1000);
    }

    expect(line()).toBe(
      '[#######-----------] uploading core/auth@1.0.1 40%, 4.0 MB of 10.0 MB, 800.0 kB/s, 8s left',
    );
  });

  it('is drawn at most four times a second, however often it is told', () => {
    const { progress, frames } = watched();
    for (let done = 0; done < 1000; done++) {
      progress.show('packing', done, 1000);
      pass(2);
    }

    expect(frames()).toBeGreaterThan(4);
    expect(frames()).toBeLessThanOrEqual(8);
  });

  it('says that nothing comes while nothing comes', () => {
    const { progress, line } = watched();
    progress.show('uploading', 1_000, 4_000);
    pass(1_000);
    progress.show('uploading', 2_000, 4_000);
    pass(7_000);

    expect(line()).toMatch(/50%, 2\.0 kB of 4\.0 kB, STALLED for 7s$/);
  });

  it('counts what is no bytes without a rate', () => {
    const { progress, line } = watched();
    progress.show('trying', 1, 4, 'pieces');
    pass(1_000);

    expect(line()).toBe('[####--------------] trying 25%');
  });

  it('says no share of what nobody knows the size of', () => {
    const { progress, line } = watched();
    progress.show('fetching', 0, null);
    pass(1_000);
    progress.show('fetching', 3_000, null);
    pass(250);

    expect(line()).toBe('[------------------] fetching 3.0 kB, 2.4 kB/s');
  });

  it.each([60, 79, 200])('never fills a line of %i columns, whatever the step is called', (columns) => {
    const { progress, line } = watched(columns);
    progress.show(`uploading\u001b[2J${'x'.repeat(300)}`, 999_999_999, 123_456_789_012);
    pass(1_000);
    progress.show(`uploading\u001b[2J${'x'.repeat(300)}`, 1_999_999_999, 123_456_789_012);
    pass(1_000);

    expect(line()?.length).toBeLessThan(columns);
    expect(line()).toContain('uploading');
    expect(line()).toContain(' left');
    expect(line()).not.toContain('\u001b');
  });

  it.each([
    ['that is over', [['a', 4, 4]]],
    ['that was more than was foreseen', [['a', 5, 4]]],
    ['of nothing', [['a', 0, 0]]],
  ] as const)('is nothing for a step %s', (_what, steps) => {
    const { progress, all } = watched();
    for (const [step, done, total] of steps) progress.show(step, done, total);
    pass(5_000);

    expect(all()).toBe('');
  });

  it.each([
    ['the step ends', (progress: ReturnType<typeof createProgress>) => progress.show('a', 4, 4)],
    ['something else is written', (progress: ReturnType<typeof createProgress>) => progress.clear()],
  ])('leaves nothing on the line once %s, and is drawn no more', (_what, end) => {
    const { progress, all } = watched();
    progress.show('a', 1, 4);
    pass(1_000);
    end(progress);
    const left = all();
    pass(5_000);

    expect(left).toMatch(/a 25%, .*\r\u001b\[K$/);
    expect(all()).toBe(left);
    expect(vi.getTimerCount()).toBe(0);
  });
});
