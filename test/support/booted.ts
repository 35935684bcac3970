// Tests that need a service manager of their own: the file is run once more under a systemd booted for it.
import { describe, expect, it } from 'vitest';
import { runTool } from '../../agent/adapters/machine/run-tool.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
export const CANNOT_BOOT = 77;

/** `file` is the caller's own; outside it becomes one test that passes when all of `tests` pass inside. */
export function describeBooted(name: string, file: string, tests: () => void): void {
  const booted = process.env.FAIRLEAD_BOOTED !== undefined;
  describe(
    name,
    booted ? tests : () => void it(PROMISE, { timeout: 310_000 }, ({ skip }) => runBooted(file, skip)),
  );
}

export const PROMISE = 'keeps every promise of this file under a systemd booted for it';

/** `file` once more, under a systemd booted for it; `surroundings` are the variables that it needs there. */
export async function runBooted(
  file: string,
  skip: (reason: string) => void,
  surroundings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const argv = ['test/support/boot-systemd', 'vitest', 'run', '--config', 'test/vitest.config.ts', file];
  // Services get a /tmp of their own, so what they share with a test lies elsewhere.
  const { PATH = '', FAIRLEAD_EXECUTABLES: given } = process.env;
  const env = {
    ...{ PATH, FAIRLEAD_BOOTED: '1', TMPDIR: '/srv' },
    ...(given === undefined ? {} : { FAIRLEAD_EXECUTABLES: given }),
    ...surroundings,
  };

  const result = await runTool({ argv, env, workingDirectory: ROOT, timeoutMs: 300_000 });

  if (result.status === CANNOT_BOOT)
    skip(`needs a machine where systemd can be booted: ${result.stderr.trim()}`);
  expect(result.status, result.detail + result.stdout + result.stderr).toBe(0);
}
