// What a power cut leaves of trust that is written together: the kept root first, nothing beside it that it took away, and all of it once flushed.
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { openTrustStore } from '../../../../agent/adapters/repository/trust-store.ts';
import { historyFile } from '../../../../agent/core/repository-names.ts';
import type { TrustStore } from '../../../../agent/ports/state.ts';
import { createRandom } from '../../../labs/faults/suite.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../../../support/crash-mount.ts';
import { failure } from '../../../support/crash-paths.ts';

const DIRECTORY = `${MOUNT_POINT}/state/trust`;
const FILES = ['root_history/2.root.json', 'root.json', 'timestamp.json', 'snapshot.json', 'targets.json'];

/** A recovery: the second root takes what was trusted away, and newer files follow. */
async function recover(store: TrustStore): Promise<void> {
  await store.write(historyFile(2), Buffer.from('new'));
  await store.write('root.json', Buffer.from('new'));
  for (const file of ['timestamp.json', 'snapshot.json']) store.remove(file);
  await store.write('timestamp.json', Buffer.from('new'));
  await store.write('targets.json', Buffer.from('new'));
}

async function contents(store: TrustStore): Promise<Readonly<Record<string, string>>> {
  const found = FILES.map(async (file) => [file, String((await store.read(file)) ?? 'none')] as const);
  return Object.fromEntries(await Promise.all(found));
}

const AFTER = {
  'root_history/2.root.json': 'new',
  'root.json': 'new',
  'timestamp.json': 'new',
  'snapshot.json': 'none',
  'targets.json': 'new',
};

/** On a disk that promises no order; `callsAllowed` of those that change it or make a change last. */
async function afterPowerCut(seed: number, callsAllowed: number) {
  mount.disk = emptyDisk().copy('strict');
  const store = await openTrustStore(DIRECTORY);
  for (const file of FILES.slice(1)) await store.write(file, Buffer.from('old'));
  await store.flush();
  let calls = 0;
  mount.before = (call, path) => {
    if (++calls > callsAllowed) throw failure('EIO', call, path);
  };
  await recover(store);
  const isAcknowledged = await store.flush().then(
    () => true,
    () => false,
  );
  mount.before = () => undefined;
  mount.disk = mount.disk.afterPowerCut(createRandom(seed));
  return { isAcknowledged, calls, found: await contents(await openTrustStore(DIRECTORY)) };
}

beforeEach(() => {
  mount.before = () => undefined;
});

describe('trust that is written together', () => {
  it('is all there after a power cut once it was flushed', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { isAcknowledged, found } = await afterPowerCut(seed, Number.POSITIVE_INFINITY);

      expect({ isAcknowledged, found }).toEqual({ isAcknowledged: true, found: AFTER });
    }
  });

  it('is in each file the old or the new wherever it was cut, after the root that it follows from', async () => {
    const { calls } = await afterPowerCut(1, Number.POSITIVE_INFINITY);
    const seen = new Set<string>();
    for (let allowed = 0; allowed < calls; allowed++) {
      for (let seed = 1; seed <= 20; seed++) {
        const { isAcknowledged, found } = await afterPowerCut(seed, allowed);
        seen.add(JSON.stringify(found));

        const { 'root_history/2.root.json': kept, ...others } = found;
        expect(['none', 'new']).toContain(kept);
        for (const text of Object.values(others)) expect(['old', 'new', 'none']).toContain(text);
        expect(found['root.json']).not.toBe('none');
        // Whatever is other than before is caught up with from the kept root.
        if (Object.values(others).some((text) => text !== 'old')) expect(kept).toBe('new');
        // What the old keys signed never stands beside the root that took them away.
        if (found['root.json'] === 'new') expect(found['timestamp.json']).not.toBe('old');
        if (found['root.json'] === 'new') expect(found['snapshot.json']).toBe('none');
        expect(isAcknowledged).toBe(false);
      }
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  it('is written the next time where a disk refused it, and read meanwhile', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    await store.write('snapshot.json', Buffer.from('old'));
    await store.flush();
    await recover(store);
    mount.before = (call, path) => {
      if (call === 'fsync') throw failure('ENOSPC', call, path);
    };

    await expect(store.flush()).rejects.toMatchObject({ code: 'disk/full' });
    const meanwhile = [await contents(store), await store.rootVersions()];
    mount.before = () => undefined;
    await store.flush();

    expect(meanwhile).toEqual([AFTER, [2]]);
    mount.disk = mount.disk.afterPowerCut(createRandom(1));
    expect(await contents(await openTrustStore(DIRECTORY))).toEqual(AFTER);
  });

  it('is written once: a disk that has all of it is left alone', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    await recover(store);
    await store.flush();
    const calls: string[] = [];
    mount.before = (call) => void calls.push(call);

    await store.flush();

    expect(calls).toEqual([]);
  });

  it('leaves nothing half written behind where a disk refuses one of it', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    await recover(store);
    mount.before = (call, path) => {
      if (call === 'fsync' && path.includes('targets')) throw failure('ENOSPC', call, path);
    };

    await expect(store.flush()).rejects.toMatchObject({ code: 'disk/full' });

    expect((await readdir(DIRECTORY)).sort()).toEqual(['documents', 'root_history']);
    expect(await readdir(`${DIRECTORY}/root_history`)).toEqual([]);
  });

  it('is on its way to the disk once it is written, and a flush has only names to give', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    const staged = async () => (await readdir(DIRECTORY)).filter((name) => name.endsWith('.tmp'));
    for (const text of ['other', 'old']) await store.write('timestamp.json', Buffer.from(text));
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    const synced: string[] = [];
    mount.before = (call, path) => {
      if (call === 'fsync') synced.push(path);
    };

    expect([(await staged()).length, String(await store.read('timestamp.json'))]).toEqual([1, 'old']);
    await store.flush();

    expect(synced).toEqual([DIRECTORY]);
    expect(await staged()).toEqual([]);
    expect(String(await (await openTrustStore(DIRECTORY)).read('timestamp.json'))).toBe('old');
  });

  it('is tried once more by a flush where the disk refused it before', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    mount.before = (call, path) => {
      if (call === 'fsync') throw failure('ENOSPC', call, path);
    };
    await store.write('timestamp.json', Buffer.from('old'));
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    mount.before = () => undefined;

    await store.flush();

    mount.disk = mount.disk.afterPowerCut(createRandom(1));
    expect(String(await (await openTrustStore(DIRECTORY)).read('timestamp.json'))).toBe('old');
  });

  it('does not wait in memory where it is long', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);

    await store.write('targets.json', Buffer.alloc(5 << 20));

    mount.disk = mount.disk.afterPowerCut(createRandom(1));
    expect((await (await openTrustStore(DIRECTORY)).read('targets.json'))?.length).toBe(5 << 20);
  });

  it('does not wait in memory where a disk refuses it for long: whoever wrote it is told, and the shorter one before it waits on', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    mount.before = (call, path) => {
      if (call === 'fsync') throw failure('ENOSPC', call, path);
    };
    await store.write('team0.json', Buffer.from('short'));

    for (let n = 0; n < 3; n++) {
      const written = store.write(`team${n}.json`, Buffer.alloc(5 << 20));
      await expect(written).rejects.toMatchObject({ code: 'disk/full' });
    }

    const waiting = await Promise.all([0, 1, 2].map((n) => store.read(`team${n}.json`)));
    expect(waiting.map((bytes) => bytes?.length ?? 0)).toEqual([5, 0, 0]);
    mount.before = () => undefined;
    await store.flush();
    expect(String(await (await openTrustStore(DIRECTORY)).read('team0.json'))).toBe('short');
  });

  it('keeps what is asked for while it is being written', async () => {
    mount.disk = emptyDisk().copy('strict');
    const store = await openTrustStore(DIRECTORY);
    const during = async (act: () => unknown) => {
      mount.before = () => {
        mount.before = () => undefined;
        act();
      };
      await store.flush();
      return contents(store);
    };
    store.remove('snapshot.json');
    await store.write('snapshot.json', Buffer.from('old'));
    await store.write('timestamp.json', Buffer.from('old'));

    const found = await during(() => {
      void store.write('timestamp.json', Buffer.from('new'));
      store.remove('snapshot.json');
    });
    await store.flush();

    expect(found).toMatchObject({ 'timestamp.json': 'new', 'snapshot.json': 'none' });
    expect(await contents(await openTrustStore(DIRECTORY))).toEqual(found);
  });
});
