// The laboratory's judge of data in volumes must be able to fail: what it is for, and what it is told of it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../shared/encoding/digest.ts';
import { createDataJudge, type DataJudge } from '../labs/faults/data-judge.ts';
import { AUTH } from '../support/deploy-releases.ts';
import { temporaryDirectory } from '../support/directories.ts';

interface World {
  minor: number | null;
  data: string;
}

let world: World;
let stateDir: string;
let records: object[];
let judge: DataJudge;

const deployer = {
  records: async () => [...records],
  generations: async () => [],
  current: async () =>
    world.minor === null
      ? null
      : { releases: new Map([[AUTH, { document: { version: `1.${world.minor}.0` } }]]) },
};

async function tell(next: Partial<World>, state = 'committed'): Promise<readonly string[]> {
  const instance = { stateDir, deployer } as never;
  const before = await judge.before(instance);
  Object.assign(world, next);
  records.push({ state, generation: records.length + 1, steps: [] });
  return (await judge.after(before, instance, { answer: null, engineFailed: false })).problems;
}

/** The list of the copy that was made on the way to the second version. */
function copy(bytes: string): void {
  const directory = join(stateDir, 'snapshots', '2', 'core.auth');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, '0.tar'), bytes);
  const volumes = [{ file: '0.tar', digest: digestOf(Buffer.from(' 1#1')) }];
  writeFileSync(join(directory, 'volumes.json'), JSON.stringify({ volumes }));
}

beforeEach(async () => {
  world = { minor: null, data: '' };
  stateDir = temporaryDirectory();
  records = [];
  judge = createDataJudge({ dataOf: () => world.data }, false);
  expect(await tell({ minor: 1, data: ' 1#1' })).toEqual([]);
  expect(await tell({ minor: 2, data: ' 1#1 2#2' })).toEqual([]);
});

it('has nothing to say of a way back to the data of the version before', async () => {
  copy(' 1#1');

  expect(await tell({ minor: 1, data: ' 1#1 1#3' })).toEqual([]);
});

it.each<[string, Partial<World>, string]>([
  ['data of a newer version under an older one', { minor: 1, data: ' 1#1 2#2 1#3' }, 'committed'],
  ['data that are lost on the way up', { minor: 3, data: ' 3#3' }, 'committed'],
  ['data that are lost in place', { data: '' }, 'rolled-back'],
  ['volumes that differ', { data: ' 1#1 | 1#1 2#2' }, 'rolled-back'],
  ['an end that nobody can settle', {}, 'inconsistent'],
])('tells of %s', async (_, next, state) => {
  expect(await tell(next, state)).toHaveLength(1);
});

it('tells of a copy that is not what its list says, and of one of other data', async () => {
  copy('half');

  expect(await tell({}, 'rolled-back')).toEqual([
    expect.stringContaining('is not what its list says'),
    expect.stringContaining('has "half", not " 1#1"'),
  ]);
});
