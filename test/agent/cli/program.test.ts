// The program `fairlead` as a process: exit statuses, help, and what it says when no agent answers.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createStyle, wantsColor } from '../../../agent/cli/output/style.ts';
import { temporaryDirectory } from '../../support/directories.ts';

const CLI = new URL('../../../agent/cli/main.ts', import.meta.url).pathname;

async function fairlead(...argv: string[]) {
  const stateDir = temporaryDirectory();
  const env = { ...process.env, FAIRLEAD_STATE_DIR: stateDir };
  return await promisify(execFile)(process.execPath, [CLI, ...argv], { env })
    .then(({ stdout, stderr }) => ({ exit: 0, stdout, stderr, stateDir }))
    .catch(({ code, stdout, stderr }) => ({ exit: code, stdout, stderr, stateDir }));
}

describe('fairlead', () => {
  it('prints its version', async () => {
    const { stdout } = await fairlead('--version');

    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    ['an unknown command', ['nonsense']],
    ['a missing reason', ['rollback']],
    ['an unknown channel', ['channel', 'set', 'fast', '--reason', 'x']],
    ['a number that is none', ['change', 'one']],
    ['a duration that is none', ['agent', 'run', '--poll-interval', '60']],
  ])('exits 2 on %s', async (_what, argv) => {
    const { exit, stderr } = await fairlead(...argv);

    expect(exit).toBe(2);
    expect(stderr).toMatch(/^error: /);
  });

  it('says so when there is no instance, also as JSON', async () => {
    const { exit, stdout, stderr, stateDir } = await fairlead('status', '--json');

    expect(exit).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'enrolment/missing' } });
    expect(stderr).toContain(`fairlead agent enroll - --state-dir ${stateDir}`);
  });

  it('says how to start the agent when none answers', async () => {
    const { exit, stderr, stateDir } = await fairlead('check');

    expect(exit).toBe(3);
    expect(stderr).toContain(`fairlead agent run --state-dir ${stateDir}`);
  });

  it('does not run an agent on a host that is not enrolled, and says how to enrol', async () => {
    const { exit, stderr } = await fairlead('agent', 'run');

    expect(exit).toBe(4);
    expect(stderr).toContain('fairlead agent enroll');
  });
});

describe('colour', () => {
  it.each([
    ['a terminal', {}, true, true],
    ['a pipe', {}, false, false],
    ['NO_COLOR', { NO_COLOR: '1' }, true, false],
    ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
    ['a dumb terminal', { TERM: 'dumb' }, true, false],
  ])('%s', (_what, env, isTerminal, expected) => {
    expect(wantsColor(env, isTerminal)).toBe(expected);
  });

  it('adds nothing when it is off', () => {
    expect(createStyle(false).bad('x')).toBe('x');
    expect(createStyle(true).bad('x')).not.toBe('x');
  });
});
