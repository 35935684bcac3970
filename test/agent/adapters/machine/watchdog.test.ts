// What the service manager is told, with a tool in place of its own that writes down what it was given.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readPreviousEnd, startWatchdog } from '../../../../agent/adapters/machine/watchdog.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';

function toolThat(script: string) {
  const directory = temporaryDirectory();
  const told = join(directory, 'told');
  writeFileSync(
    join(directory, 'systemd-notify'),
    `#!/bin/sh\necho "$NOTIFY_SOCKET $@" >>${told}\n${script}\n`,
  );
  chmodSync(join(directory, 'systemd-notify'), 0o755);
  const environment = {
    PATH: `${directory}:${process.env.PATH}`,
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_USEC: '300000',
  };
  const signs = () => (existsSync(told) ? readFileSync(told, 'utf8').trimEnd().split('\n') : []);
  return { environment, signs };
}

/** Alive until the test ends: nothing is told after that. */
function watched() {
  const problems: string[] = [];
  let alive = true;
  onTestFinished(() => {
    alive = false;
  });
  return { lives: () => alive, onError: (problem: string) => void problems.push(problem), problems };
}

describe('the watchdog', () => {
  it('tells the manager at once that the agent is ready, and again and again that it lives', async () => {
    const { environment, signs } = toolThat('');

    startWatchdog({ environment, ...watched() });

    await until(async () => signs().length >= 3);
    expect(signs()[0]).toBe('/run/notify READY=1 WATCHDOG=1');
  });

  it('falls silent when the agent no longer gets on', async () => {
    const { environment, signs } = toolThat('');
    let asked = 0;

    startWatchdog({ environment, ...watched(), lives: () => ++asked === 1 });

    await until(async () => asked >= 4);
    expect(signs()).toHaveLength(1);
  });

  it('says why it could not tell', async () => {
    const { environment } = toolThat('echo "no such socket" >&2; exit 1');
    const { problems, ...options } = watched();

    startWatchdog({ environment, ...options });

    await until(async () => problems.length > 0);
    expect(problems[0]).toContain('no such socket');
  });

  it('tells nobody where no manager listens', async () => {
    let asked = 0;

    startWatchdog({ environment: {}, ...watched(), lives: () => ++asked > 0 });

    expect(asked).toBe(0);
  });
});

describe('how the agent before this one ended', () => {
  it.each([
    ['watchdog\n', 'watchdog'],
    ['core-dump\n', 'core-dump'],
    ['\n', null],
    ['\u001b[31mwatchdog', null],
  ])('is taken from the word %j', async (written, end) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'ended'), written);

    expect(await readPreviousEnd(directory)).toBe(end);
  });

  it('is not known where nobody wrote it down', async () => {
    expect(await readPreviousEnd(temporaryDirectory())).toBeNull();
    expect(await readPreviousEnd(undefined)).toBeNull();
  });
});
