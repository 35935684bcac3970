// The disks that a server writes to: each once, and one that hangs holds nothing up.
import { tmpdir } from 'node:os';
import { afterEach, expect, it, vi } from 'vitest';
import { createDiskReader } from '../../../server/repository/disks.ts';

afterEach(() => vi.useRealTimers());

it('are each read once, by the first place on it, and not where there is none', async () => {
  const read = createDiskReader([
    { disk: 'directory', path: tmpdir() },
    { disk: 'repository', path: tmpdir() },
    { disk: 'backups', path: '/nowhere/at/all' },
  ]);

  const found = await read();

  expect(found.map(({ disk }) => disk)).toEqual(['directory']);
  expect(found[0]?.free).toBeGreaterThan(0);
  expect(found[0]?.size).toBeGreaterThan(found[0]?.free ?? 0);
});

it('that answer never are left out, and not asked a second time meanwhile', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const asked: string[] = [];
  const far = Promise.withResolvers<void>();
  const room = { free: 1, size: 2 };
  const read = createDiskReader(
    [
      { disk: 'directory', path: '/here' },
      { disk: 'backups', path: '/far' },
    ],
    async ({ disk, path }) => {
      asked.push(disk);
      if (path === '/far') await far.promise;
      return { device: path.length, room: { disk, ...room } };
    },
  );
  const disks = async () => {
    const reading = read();
    await vi.advanceTimersByTimeAsync(3_000);
    return (await reading).map(({ disk }) => disk);
  };

  expect([await disks(), await disks()]).toEqual([['directory'], ['directory']]);
  expect(asked).toEqual(['directory', 'backups', 'directory']);
  far.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(read()).toBeInstanceOf(Promise);
  expect(asked.filter((one) => one === 'backups')).toHaveLength(2);
});
