// File systems in files, which lose power and fill up when told to: ext4 and xfs through the loop device, tmpfs for want of room.
import { execFile } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

export type FileSystem = 'ext4' | 'xfs' | 'tmpfs';

export interface DiskImage {
  readonly fileSystem: FileSystem;
  readonly mountPoint: string;
  mount(): Promise<void>;
  unmount(): Promise<void>;
  /** Nothing reaches the disk from here on; what the journal has not written is lost. */
  cutPower(): Promise<void>;
}

const run = promisify(execFile);

/** xfs takes no less. Sparse: it takes the room it uses. */
const IMAGE_BYTES = 320 * 2 ** 20;
/** A process of the agent’s own counts what is free, and asks for 16 MB beside what it writes. */
const TMPFS_OPTIONS = 'size=32m';

/** The most that is lost: no early allocation when a file is renamed, a commit of the journal every second. */
const MOUNT_OPTIONS = { ext4: 'loop,noauto_da_alloc,commit=1', xfs: 'loop', tmpfs: TMPFS_OPTIONS };

export async function createDiskImage(
  fileSystem: FileSystem,
  directory: string,
  bytes = IMAGE_BYTES,
): Promise<DiskImage> {
  const mountPoint = `${directory}/${fileSystem}`;
  const image = `${mountPoint}.img`;
  await mkdir(mountPoint, { recursive: true });
  if (fileSystem !== 'tmpfs') {
    const handle = await open(image, 'w');
    await handle.truncate(bytes);
    await handle.close();
    await run(`mkfs.${fileSystem}`, ['-q', ...(fileSystem === 'ext4' ? ['-F'] : []), image]);
  }
  const source = fileSystem === 'tmpfs' ? ['-t', 'tmpfs', 'tmpfs'] : [image];
  return {
    fileSystem,
    mountPoint,
    mount: async () => void (await run('mount', ['-o', MOUNT_OPTIONS[fileSystem], ...source, mountPoint])),
    unmount: async () => {
      await unmountPatiently(mountPoint);
      if (fileSystem !== 'tmpfs') await letGo(image);
    },
    cutPower: async () => void (await run('xfs_io', ['-x', '-c', 'shutdown', mountPoint])),
  };
}

/** Takes every free block, and gives them back. */
export async function fill(mountPoint: string): Promise<() => Promise<void>> {
  const path = `${mountPoint}/filler`;
  const handle = await open(path, 'w');
  const block = Buffer.alloc(4096);
  try {
    for (;;) await handle.writeFile(block);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await handle.close();
  }
  return () => rm(path);
}

/** A file system that another mount namespace holds still would be mounted again as it is, without power. */
async function letGo(image: string): Promise<void> {
  for (let tries = 1; (await run('losetup', ['--associated', image])).stdout !== ''; tries++) {
    if (tries === 500) throw new Error(`${image} stays in use`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A process that was killed a moment ago may still be on its way out. */
async function unmountPatiently(mountPoint: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await run('umount', [mountPoint]);
      return;
    } catch (cause) {
      if (tries === 50) throw new Error(`${mountPoint} stays mounted`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
