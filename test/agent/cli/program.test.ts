// The program `fairlead` as a process: exit statuses, help, and what it says when no agent answers.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createStyle, wantsColor } from '../../../shared/present/table.ts';
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
    ['a configuration that is not there', ['agent', 'run', '--config', '/nowhere']],
    ['a target that is none', ['plan', 'core/auth']],
    ['a version to roll back to that is none', ['rollback', '--to', 'core/auth@1', '--reason', 'x']],
    ['a component that is none', ['quarantine', 'lift', '../../auth', '--reason', 'x']],
    [
      'a schedule that is none',
      ['window', 'add', 'night', '--cron', '99 2 * * *', '--duration', '4h', '--reason', 'x'],
    ],
    [
      'a time zone that is none',
      [
        'window',
        'add',
        'night',
        '--cron',
        '0 2 * * *',
        '--duration',
        '4h',
        '--zone',
        'Mars/Base',
        '--reason',
        'x',
      ],
    ],
    ['a pin on what is no component', ['pin', 'add', 'Core/../auth', '1.0.0', '--reason', 'x']],
    ['an empty reason', ['channel', 'set', 'auto', '--reason', '']],
    ['an empty path', ['--state-dir', '', 'status']],
    ['a hold without an end', ['hold', '--reason', 'x']],
    ['a path no socket may have', ['--state-dir', `/tmp/${'x'.repeat(200)}`, 'status']],
    ['an enrolment string that is not there', ['agent', 'enroll', '--file', '/nowhere']],
  ])('exits 2 on %s, and says what to do', async (_what, argv) => {
    const { exit, stderr } = await fairlead(...argv);

    expect(exit).toBe(2);
    expect(stderr).toMatch(/^error: .*\n {2}hint: /);
  });

  it('does not give back all that was typed, nor what a terminal would obey', async () => {
    const { stderr } = await fairlead('change', `\u001b[2J${'x'.repeat(100_000)}`);

    expect(stderr.length).toBeLessThan(1_000);
    expect(stderr).not.toContain('\u001b');
  });

  it('tells a program about wrong usage in JSON', async () => {
    const { stdout } = await fairlead('change', 'one', '--json');

    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage' } });
  });

  it.each(['agent/cli/main.ts', 'server/vendor/cli/main.ts', 'server/main.ts'])(
    'ends without a word when nobody reads on: %s',
    async (program) => {
      const path = new URL(`../../../${program}`, import.meta.url).pathname;

      const { stderr } = await promisify(execFile)('sh', [
        '-c',
        `"${process.execPath}" "${path}" --help | true`,
      ]);

      expect(stderr).toBe('');
    },
  );

  it('says so when the output cannot be written', async () => {
    const command = `"${process.execPath}" "${CLI}" --help > /dev/full`;

    const outcome = await promisify(execFile)('sh', ['-c', command]).catch((error: unknown) => error);

    expect(outcome).toMatchObject({ code: 1, stderr: 'error: cannot write the output: ENOSPC\n' });
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
