// For which machines an image may be: the engine's own, and what the kernel has an emulator for.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { enginePlatforms } from '../../../../agent/adapters/drivers/compose/platforms.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

/** An engine that says so, and a kernel in which these are registered. */
function setUp(version: string, machine = '', registered: Readonly<Record<string, string>> = {}) {
  const directory = temporaryDirectory();
  const place = join(directory, 'binfmt_misc');
  mkdirSync(place);
  for (const [name, text] of Object.entries(registered)) writeFileSync(join(place, name), text);
  const script = `#!/bin/sh\ncase "$1" in version) echo '${version}' ;; info) echo '${machine}' ;; esac\n`;
  writeFileSync(join(directory, 'docker'), script);
  chmodSync(join(directory, 'docker'), 0o755);
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return place;
}

const ENABLED = 'enabled\ninterpreter /usr/bin/qemu\n';

describe('an image may be for', () => {
  it.each([
    ['linux/amd64', '', ['linux/amd64']],
    ['linux/arm64', '', ['linux/arm64']],
    ['linux/arm', 'armv6l', ['linux/arm/v6']],
    ['linux/arm', 'armv7l', ['linux/arm/v7']],
    ['linux/arm', '', ['linux/arm/v7']],
  ])('the engine’s own machine: %s %s', async (version, machine, expected) => {
    expect(await enginePlatforms(setUp(version, machine))).toEqual(expected);
  });

  it('what is emulated, after that, and not what is switched off or no machine', async () => {
    const place = setUp('linux/amd64', '', {
      ...{ 'qemu-aarch64': ENABLED, 'qemu-s390x': 'disabled\n', 'qemu-x86_64': ENABLED },
      ...{ register: '', status: ENABLED, constructor: ENABLED, jar: ENABLED },
    });

    expect(await enginePlatforms(place)).toEqual(['linux/amd64', 'linux/arm64']);
  });

  it('nothing of this machine’s where the engine is another’s', async () => {
    const place = setUp('linux/amd64', '', { 'qemu-aarch64': ENABLED });
    vi.stubEnv('DOCKER_HOST', 'tcp://engine.example.com:2376');

    expect(await enginePlatforms(place)).toEqual(['linux/amd64']);
  });
});
