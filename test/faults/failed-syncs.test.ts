// What a process finds after another's fsync failed, or never came, looks whole and may not be on the disk.
// First: it must be there before the adapters are.

import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createAuditFile } from '../../agent/adapters/state/audit-file.ts';
import { createDeploymentStore } from '../../agent/adapters/state/deployment-store.ts';
import { createJournal } from '../../agent/adapters/state/journal.ts';
import { withPatchBench } from '../../server/vendor/workspace/patches.ts';
import { hexOf } from '../../shared/encoding/digest.ts';
import { isDirectory, makeDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { packPath } from '../../shared/protocol/publication.ts';
import type { JournalEntry } from '../../shared/schema/journal.ts';
import { createRandom } from '../labs/faults/suite.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../support/crash-mount.ts';
import { failure } from '../support/crash-paths.ts';
import { deployableOf, planOf } from '../support/deploy-releases.ts';
import { rejectionOf } from '../support/error-code.ts';
import { createIdleClock } from '../support/idle-clock.ts';
import { packedPair } from '../support/patched-trees.ts';

const STATE_DIR = `${MOUNT_POINT}/state`;
const entry = (sequence: number): JournalEntry => ({
  kind: 'entered',
  sequence,
  at: '2026-01-31T10:00:00.000Z',
  state: 'planned',
});

/** Lets every call of this kind fail while `act` runs. */
async function failing(call: string, act: () => Promise<unknown>): Promise<void> {
  mount.before = (each, path) => {
    if (each === call) throw failure('EIO', each, path);
  };
  await expect(act()).rejects.toThrow();
  mount.before = () => undefined;
}

const openStore = () =>
  createDeploymentStore({
    stateDir: STATE_DIR,
    treeDirectoryOf: (tree) => `${STATE_DIR}/store/trees/${tree}`,
    onDamage: (error) => {
      throw error;
    },
  });

const openAudit = () => createAuditFile(STATE_DIR, createIdleClock());

/** An instance with one generation that nothing points at yet. */
async function storeOne(): Promise<void> {
  const deployable = deployableOf({ 'core/auth': '1.0.0' });
  const plan = planOf(null, deployable);
  await openStore().addGeneration({ ...deployable, number: 1, plan, healthy: false, committedBy: null });
}

/** What `act` finds after power cuts of many kinds, each answer once. */
async function foundAfterPowerCuts(act: (cutPower: () => void, seed: number) => Promise<unknown>) {
  const found = new Set<string>();
  for (let seed = 1; seed <= 200; seed++) {
    mount.before = () => undefined;
    mount.disk = emptyDisk().copy('strict');
    const cutPower = () => {
      mount.before = () => undefined;
      mount.disk = mount.disk.afterPowerCut(createRandom(seed));
    };
    found.add(JSON.stringify(await act(cutPower, seed)));
  }
  return [...found].map((text) => JSON.parse(text));
}

it('the journal keeps what was read from it, once more is written', async () => {
  const found = await foundAfterPowerCuts(async (cutPower) => {
    const first = createJournal({ stateDir: STATE_DIR });
    await first.begin(7, 20);
    await first.append(entry(1));
    await failing('fsync', () => first.append(entry(2)));
    const second = createJournal({ stateDir: STATE_DIR });
    await second.read();
    await second.append(entry(3));
    cutPower();
    return createJournal({ stateDir: STATE_DIR }).read();
  });

  expect(found).toEqual([{ deployment: 7, entries: [entry(1), entry(2), entry(3)], damaged: false }]);
});

it('the audit log goes on from a line whose fsync failed', async () => {
  const event = { event: 'agent-started', actor: 'agent', details: {} } as const;
  const found = await foundAfterPowerCuts(async (cutPower) => {
    const first = openAudit();
    await first.append(event);
    await failing('fsync', () => first.append(event));
    await openAudit().append(event);
    cutPower();
    return (await openAudit().entries()).map(({ sequence }) => sequence);
  });

  expect(found).toEqual([[1, 2, 3]]);
});

it('the audit log loses at most the line that a power cut tore', async () => {
  const event = { event: 'agent-started', actor: 'agent', details: { text: 'x'.repeat(300) } } as const;
  const found = await foundAfterPowerCuts(async (cutPower) => {
    const audit = openAudit();
    await audit.append(event);
    await failing('fsync', () => audit.append(event));
    cutPower();
    await openAudit().append(event);
    return (await openAudit().entries()).map(({ sequence }) => sequence);
  });

  expect(found.toSorted()).toEqual([
    [1, 2],
    [1, 2, 3],
  ]);
});

it('the link that is found turned already is made durable', async () => {
  const found = await foundAfterPowerCuts(async (cutPower) => {
    await storeOne();
    // The rename is done; the directory is not synced.
    await failing('fsync', () => openStore().setCurrent(1));
    await openStore().setCurrent(1);
    cutPower();
    return openStore().currentNumber();
  });

  expect(found).toEqual([1]);
});

it('a generation is removed whole or not at all', async () => {
  const found = await foundAfterPowerCuts(async (cutPower, seed) => {
    await storeOne();
    let calls = 0;
    mount.before = (call, path) => {
      if (++calls > seed % 20) throw failure('EIO', call, path);
    };
    const removed = openStore().removeGeneration(1);
    await removed.catch(() => undefined);
    cutPower();
    return (await openStore().generations()).length;
  });

  expect(found.toSorted()).toEqual([0, 1]);
});

it('a directory whose parent could not be synced is made anew', async () => {
  const found = await foundAfterPowerCuts(async (cutPower) => {
    const directory = `${STATE_DIR}/records`;
    mount.before = (call, path) => {
      if (call === 'fsync') throw failure('EIO', call, path);
    };
    const refused = await rejectionOf(makeDirectory(directory));
    mount.before = () => undefined;
    await makeDirectory(directory);
    await writeDurably(`${directory}/1.json`, new Uint8Array([1]));
    cutPower();
    return [refused.code, await isDirectory(directory)];
  });

  expect(found).toEqual([['disk/failed', true]]);
});

it('a pack that a vendor fetched is whole under the name under which builds find it', async () => {
  const { old } = await packedPair({ file: 'x'.repeat(300) }, { file: 'y' });
  const { ref, pack } = old;
  const path = `${MOUNT_POINT}/${packPath(hexOf(ref.digest))}`;
  const found = await foundAfterPowerCuts(async (cutPower) => {
    await withPatchBench(MOUNT_POINT, (bench) => bench.layOut(ref, (file) => writeFile(file, pack)));
    cutPower();
    return (await readFile(path)).equals(pack);
  });

  expect(found).toEqual([true]);
});
