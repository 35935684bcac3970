// For which machines an image may be: the engine's own kind, and what the kernel under it has an emulator for.
import { join } from 'node:path';
import { namesIfPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import { platformOf } from '../../../../shared/schema/image-platform.ts';
import { engineAddress, enginePlatform } from './docker.ts';

/** Where Linux lists what it hands programs of other machines to. Containers have the kernel of their host. */
const REGISTERED = '/proc/sys/fs/binfmt_misc';

/** As QEMU calls machines, which is how its emulators are registered everywhere; other names are as engines have them. */
const KINDS: Readonly<Record<string, string>> = {
  'qemu-x86_64': 'amd64',
  rosetta: 'amd64',
  'qemu-i386': '386',
  'qemu-aarch64': 'arm64',
  'qemu-arm': 'arm/v7',
  'qemu-ppc64le': 'ppc64le',
  'qemu-s390x': 's390x',
  'qemu-riscv64': 'riscv64',
  'qemu-loongarch64': 'loong64',
};

/** Its own first. Error: service/manager-failed when it does not answer. */
export async function enginePlatforms(registered = REGISTERED): Promise<readonly string[]> {
  const own = await enginePlatform();
  // Of another machine's kernel nothing is known here.
  if (!engineAddress().startsWith('unix:')) return [own];
  const [os] = own.split('/');
  const emulated: string[] = [];
  for (const name of await namesIfPresent(registered).catch(() => [])) {
    const architecture = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
    if (architecture === undefined || !(await isEnabled(join(registered, name)))) continue;
    const platform = platformOf({ os, architecture });
    if (platform !== null && platform !== own) emulated.push(platform);
  }
  return [own, ...emulated.toSorted()];
}

async function isEnabled(path: string): Promise<boolean> {
  const bytes = await readIfPresent(path).catch(() => null);
  return bytes !== null && Buffer.from(bytes).toString('latin1').startsWith('enabled\n');
}
