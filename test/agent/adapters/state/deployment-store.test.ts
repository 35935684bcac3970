// The deployment store: one promise for the disk and for the memory that stands in for it, and what only a disk can lose.
import { access, lstat, mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createDeploymentStore } from '../../../../agent/adapters/state/deployment-store.ts';
import { createStateFiles } from '../../../../agent/adapters/state/state-files.ts';
import type { DeploymentStore, StoredGeneration } from '../../../../agent/ports/state.ts';
import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import { AUTH, deployableOf, planOf, WEB } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { createMemoryDisk, createMemoryStore } from '../../../support/memory-deployments.ts';

const deployable = deployableOf({ [AUTH]: '1.0.0' });

function generationOf(number: number): StoredGeneration {
  const plan = planOf(null, deployable);
  return { ...deployable, number, plan, healthy: false, committedBy: null };
}

function diskStore(stateDir: string, damages: unknown[] = []): DeploymentStore {
  return createDeploymentStore({
    stateDir,
    treeDirectoryOf: (tree) => join(stateDir, 'store', 'trees', hexOf(tree), 'files'),
    onDamage: (error) => damages.push(error),
  });
}

describe.each([
  ['on disk', () => diskStore(temporaryDirectory())],
  ['in memory', () => createMemoryStore(createMemoryDisk())],
])('a deployment store %s', (_, create) => {
  let store: DeploymentStore;

  beforeEach(() => {
    store = create();
  });

  it('is empty at first', async () => {
    expect(await store.currentNumber()).toBeNull();
    expect(await store.generations()).toEqual([]);
    expect(await store.records()).toEqual([]);
    expect(await store.quarantine()).toEqual([]);
  });

  it('gives generations back as they were, oldest first', async () => {
    await store.addGeneration(generationOf(10));
    await store.addGeneration(generationOf(9));

    const [first, second] = await store.generations();

    expect(first?.number).toBe(9);
    expect(second).toMatchObject({ number: 10, healthy: false, committedBy: null });
    expect(second?.manifest).toEqual(deployable.manifest);
    expect(second?.config).toEqual(deployable.config);
    expect(second?.releases.get(AUTH)?.digest).toBe(deployable.releases.get(AUTH)?.digest);
    expect(second?.plan).toEqual(planOf(null, deployable));
  });

  it('turns the current generation, and takes it away', async () => {
    await store.addGeneration(generationOf(1));

    await store.setCurrent(1);
    const turned = await store.currentNumber();
    await store.setCurrent(1);
    await store.setCurrent(null);
    await store.setCurrent(null);

    expect(turned).toBe(1);
    expect(await store.currentNumber()).toBeNull();
  });

  it('remembers which deployment proved a generation healthy', async () => {
    await store.addGeneration(generationOf(1));

    await store.markHealthy(1, recordOf(4, ['planned', 'committed']));

    expect((await store.generations())[0]).toMatchObject({ healthy: true, committedBy: 4 });
  });

  it('forgets a removed generation, and does not mind that it is gone', async () => {
    await store.addGeneration(generationOf(1));

    await store.removeGeneration(1);
    await store.removeGeneration(1);

    expect(await store.generations()).toEqual([]);
  });

  it('keeps the newest state of every record, oldest record first', async () => {
    await store.writeRecord(recordOf(10, ['planned']));
    await store.writeRecord(recordOf(9, ['planned', 'abandoned']));
    await store.writeRecord(recordOf(10, ['planned', 'fetching']));

    const records = await store.records();

    expect(records.map((record) => [record.id, record.state])).toEqual([
      [9, 'abandoned'],
      [10, 'fetching'],
    ]);
  });

  it('keeps the quarantine', async () => {
    const entry = {
      component: AUTH,
      release: 'sha256:00',
      version: '1.0.0',
      since: '2026-01-31T10:00:00Z',
      reason: 'HTTP 503',
      record: 3,
    };

    await store.changeQuarantine(() => [entry]);

    expect(await store.quarantine()).toEqual([entry]);
  });

  it('loses nothing of the quarantine when an end adds to it while a hand lifts something', async () => {
    const entry = {
      release: 'sha256:00',
      version: '1.0.0',
      since: '2026-01-31T10:00:00Z',
      reason: 'HTTP 503',
      record: 3,
    };
    await store.changeQuarantine(() => [{ ...entry, component: AUTH }]);

    await Promise.all([
      store.changeQuarantine((known) => known.filter(({ component }) => component !== AUTH)),
      store.changeQuarantine((known) => [...known, { ...entry, component: WEB }]),
    ]);

    expect((await store.quarantine()).map(({ component }) => component)).toEqual([WEB]);
  });
});

describe('a deployment store on disk', () => {
  let stateDir: string;
  let damages: unknown[];
  const store = () => diskStore(stateDir, damages);

  beforeEach(() => {
    stateDir = temporaryDirectory();
    damages = [];
  });

  it('keeps the exact bytes of every release, and a link to its files that moves with the state directory', async () => {
    const release = deployable.releases.get(AUTH);
    const files = join(stateDir, 'store', 'trees', hexOf(release!.document.tree.digest), 'files');
    await mkdir(files, { recursive: true });
    await writeFile(join(files, 'server.js'), 'serve()');

    await store().addGeneration(generationOf(1));
    await store().setCurrent(1);

    const generation = join(stateDir, 'current');
    expect(await readFile(join(generation, 'releases', 'core', 'auth.json'))).toEqual(release!.bytes);
    expect(await readFile(join(generation, 'app', 'core', 'auth', 'server.js'), 'utf8')).toBe('serve()');
    expect(await readlink(join(generation, 'app', 'core', 'auth'))).toMatch(/^\.\.\//);
    expect(await readlink(generation)).toBe('generations/1');
  });

  it('lets only its owner look', async () => {
    await store().addGeneration(generationOf(1));
    await store().writeRecord(recordOf(1, ['planned']));

    const modes = await Promise.all(
      ['generations', 'generations/1', 'generations/1/manifest.json', 'records', 'records/1.json'].map(
        async (name) => (await lstat(join(stateDir, name))).mode & 0o077,
      ),
    );

    expect(modes).toEqual([0, 0, 0, 0, 0]);
  });

  it('leaves out a generation whose release was tampered with, and says so', async () => {
    await store().addGeneration(generationOf(1));
    await writeFile(join(stateDir, 'generations', '1', 'releases', 'core', 'auth.json'), '{}');
    await writeFile(join(stateDir, 'generations', '1', 'spare.json'), '{}');

    expect(await store().generations()).toEqual([]);
    expect(damages).toMatchObject([{ code: 'deploy/generation-damaged', data: { generation: 1 } }]);
    expect(await store().damagedGenerations()).toEqual([1]);
  });

  it('tells the trees of a generation by its links alone, and none where they are gone', async () => {
    const generation = generationOf(1);
    await store().addGeneration(generation);
    const app = join(stateDir, 'generations', '1', 'app');
    await symlink('../elsewhere', join(app, 'core', 'other'));

    expect(await store().linkedTrees(1)).toEqual(generation.manifest.components.map(({ tree }) => tree));
    await rm(app, { recursive: true });
    expect(await store().linkedTrees(1)).toEqual([]);
  });

  it('tells a tree that stands beside what cannot be moved', async () => {
    const treeDirectoryOf = (tree: Digest) => join(stateDir, 'store', 'trees', `${hexOf(tree)}.1`, 'files');
    const beside = createDeploymentStore({ stateDir, treeDirectoryOf, onDamage: () => undefined });
    const generation = generationOf(1);
    await beside.addGeneration(generation);

    expect(await beside.linkedTrees(1)).toEqual(generation.manifest.components.map(({ tree }) => tree));
  });

  it.each(['app', 'app/core', 'app/core/auth'])(
    'tells no tree where %s is neither link nor directory any more, now or later',
    async (name) => {
      await store().addGeneration(generationOf(1));
      const place = join(stateDir, 'generations', '1', name);
      await rm(place, { recursive: true });
      await writeFile(place, 'a copy of what the link led to');

      expect(await store().linkedTrees(1)).toEqual([]);
    },
  );

  it.each(['manifest.json', 'plan.json', 'config.json', 'releases/core/auth.json'])(
    'mends a generation whose %s is damaged, gone, or no file, from the spare copy',
    async (name) => {
      await store().addGeneration(generationOf(1));
      const path = join(stateDir, 'generations', '1', name);
      const whole = await readFile(path, 'utf8');
      const read: string[] = [];
      for (const damage of [
        () => writeFile(path, '{"n":'),
        () => rm(path),
        () => writeFile(path, '\u0000\ud83d'),
      ]) {
        await damage();
        expect((await store().generations()).map((one) => one.number)).toEqual([1]);
        read.push(await readFile(path, 'utf8'));
      }

      expect(read).toEqual([whole, whole, whole]);
      expect(damages).toEqual([]);
    },
  );

  it('knows from the deployments that a generation was healthy whose own record is damaged', async () => {
    await store().addGeneration(generationOf(1));
    const record = recordOf(1, ['planned', 'committed']);
    await store().writeRecord(record);
    await store().markHealthy(1, record);
    await writeFile(join(stateDir, 'generations', '1', 'record.json'), '{');

    expect(await store().generations()).toMatchObject([{ number: 1, healthy: true, committedBy: 1 }]);
  });

  it('gives no number twice, also where what had it cannot be read', async () => {
    await store().addGeneration(generationOf(4));
    await writeFile(join(stateDir, 'generations', '4', 'manifest.json'), '{');
    await store().writeRecord(recordOf(7, ['planned']));
    await writeFile(join(stateDir, 'records', '7.json'), '{');

    expect([await store().newestGeneration(), await store().newestRecordId()]).toEqual([4, 7]);
  });

  it.each(['{', '[{"component":1}]', ''])(
    'counts a quarantine of %j as empty, says so until a person looked',
    async (text) => {
      const one = store();
      await writeFile(join(stateDir, 'quarantine.json'), text);
      const before = [await one.quarantine(), (await one.quarantineDamage()) !== null];

      await one.changeQuarantine(() => []);
      const after = [await one.quarantine(), (await store().quarantineDamage()) !== null];
      await rm(join(stateDir, 'quarantine.json.damaged'));

      expect([before, after]).toEqual([
        [[], true],
        [[], true],
      ]);
      expect(await store().quarantineDamage()).toBeNull();
    },
  );

  it('leaves out what a crash left half written', async () => {
    await mkdir(join(stateDir, 'generations', '.2.tmp'), { recursive: true });
    await store().addGeneration(generationOf(2));
    await mkdir(join(stateDir, 'generations', '.3.tmp'), { recursive: true });

    expect((await store().generations()).map((one) => one.number)).toEqual([2]);
    expect(damages).toEqual([]);
  });

  it('leaves out a damaged record, and says so once', async () => {
    const one = store();
    await one.writeRecord(recordOf(1, ['planned']));
    await writeFile(join(stateDir, 'records', '2.json'), '{');

    expect((await one.records()).map((record) => record.id)).toEqual([1]);
    expect(await one.records()).toHaveLength(1);
    expect(damages).toMatchObject([{ code: 'json/invalid' }]);
  });

  it('keeps evidence beside the record without taking it for one', async () => {
    await store().writeRecord(recordOf(1, ['planned']));

    await store().writeEvidence({ deployment: 1, at: '2026-01-31T10:00:00.000Z', components: [] });

    await access(join(stateDir, 'records', '1.evidence.json'));
    expect(await store().records()).toHaveLength(1);
  });

  it('knows how much room is left', async () => {
    const { bytes, inodes } = await store().freeSpace();

    expect(bytes).toBeGreaterThan(0);
    expect(inodes).toBeGreaterThan(0);
  });

  it.each([
    ['generations', (one: DeploymentStore) => one.generations()],
    ['records', (one: DeploymentStore) => one.records()],
    ['current', (one: DeploymentStore) => one.currentNumber()],
  ])('never takes %s that cannot be read for an empty instance', async (name, read) => {
    await writeFile(join(stateDir, name), 'no directory, and no link');

    await expect(read(store())).rejects.toMatchObject({ code: 'disk/unreadable' });
  });

  it.each([
    ['a file', (path: string) => writeFile(path, 'no link')],
    ['a directory that is not empty', (path: string) => mkdir(join(path, 'deeper'), { recursive: true })],
  ])('turns `current` also where no link but %s stands', async (_what, stand) => {
    await stand(join(stateDir, 'current'));

    await store().setCurrent(1);

    expect(await store().currentNumber()).toBe(1);
  });
});

describe('the number of the next deployment', () => {
  it('goes on where the records were lost: an approval and the server know the earlier ones by theirs', async () => {
    const stateDir = temporaryDirectory();
    const store = diskStore(stateDir);
    await store.addGeneration(generationOf(1));
    await store.writeRecord(recordOf(7, ['committed']));
    await store.markHealthy(1, recordOf(7, ['committed']));
    expect(await store.newestRecordId()).toBe(7);

    await rm(join(stateDir, 'records'), { recursive: true });

    expect(await diskStore(stateDir).newestRecordId()).toBe(7);
  });

  it('goes on behind what the server has heard, where nothing else is left', async () => {
    const stateDir = temporaryDirectory();
    const { outbox } = createStateFiles(stateDir, () => undefined);
    await outbox.write({
      ...{ schema: 'fairlead/outbox@1', sequence: 12 },
      delivered: { record: 9, stages: 3 },
    });

    expect(await diskStore(stateDir).newestRecordId()).toBe(9);
  });
});
