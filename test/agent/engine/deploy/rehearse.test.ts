// A rollback rehearsed: every problem it would meet is named, and nothing is touched.
import { describe, expect, it } from 'vitest';
import { longestInterruption } from '../../../../agent/core/deploy/rollback-target.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { Version } from '../../../../shared/version/version.ts';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { API, AUTH, deployableOf } from '../../../support/deploy-releases.ts';
import { createWorld, deploy, type World } from '../../../support/deploy-world.ts';
import { recordOf } from '../../../support/deployments.ts';

const at = (component: ComponentKey, version: string) => ({ component, version: version as Version });

describe('a rehearsed rollback', () => {
  it('is ready when everything is there, says what it costs, and touches nothing', async () => {
    const { world, deployer, calls } = await instanceWith(
      auth('1.0.0'),
      auth('1.1.0', { reversible: 'snapshot' }),
    );
    const before = structuredClone([...world.disk.records.values()]);

    const rehearsal = await deployer.rehearse();

    expect(rehearsal).toMatchObject({ generation: 1, restores: [AUTH], steps: [{ to: '1.0.0' }] });
    expect(rehearsal.checks).toEqual(
      [
        'every version on the way may be left',
        'the disk has room',
        'the files of core/auth are what was signed',
        'the settings of core/auth can be read',
        'the programs of core/auth are there',
        'the restore hook of core/auth is there',
        'no stranger has its addresses',
      ].map((check) => ({ check, problem: null })),
    );
    expect(rehearsal.interruptionMs).toBeGreaterThan(0);
    expect(calls.filter(({ port }) => /^(journal|driver)\.|store\.(write|set|add|mark)/.test(port))).toEqual(
      [],
    );
    expect([...world.disk.records.values()]).toEqual(before);
  });

  it.each<[string, (world: World) => void, RegExp]>([
    [
      'files that were changed',
      ({ disk }) => {
        const tree = disk.generations.get(1)?.manifest.components[0]?.tree;
        if (tree !== undefined) disk.deviations.set(tree, [{ path: 'server.js', problem: 'changed' }]);
      },
      /files of core\/auth/,
    ],
    ['a secret that is gone', ({ secrets }) => secrets.delete('TOKEN'), /settings of core\/auth/],
    ['a program that was removed', ({ missing }) => missing.add('serve'), /programs of core\/auth/],
    ['a restore hook that cannot run', ({ missing }) => missing.add('restore'), /restore hook of core\/auth/],
    [
      'a disk without room',
      ({ disk }) => {
        disk.freeBytes = 1;
      },
      /room/,
    ],
  ])('names %s', async (_, harm, check) => {
    const settings = { token: { type: 'string' } };
    const world = createWorld();
    world.secrets.set('TOKEN', 'hunter2');
    const { deployer } = world.boot();
    for (const version of ['1.0.0', '1.1.0']) {
      await deploy(deployer, auth(version, { settings }, { token: '${env:TOKEN}' }));
    }
    harm(world);

    const { checks } = await deployer.rehearse();

    expect(checks.filter(({ problem }) => problem !== null).map((one) => one.check)).toContainEqual(
      expect.stringMatching(check),
    );
  });

  it('names a version on the way that may not be left', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0', { reversible: 'no' }));

    const [first] = (await deployer.rehearse()).checks;

    expect(first?.problem).toContain('1.1.0');
  });
});

describe('the way to a version', () => {
  it('leads to the newest generation that ran it', async () => {
    const both = (authVersion: string, apiVersion: string) =>
      deployableOf({ [AUTH]: authVersion, [API]: apiVersion });
    const { deployer } = await instanceWith(
      both('1.0.0', '1.0.0'),
      both('1.0.0', '1.1.0'),
      both('1.1.0', '1.1.0'),
    );

    expect((await deployer.rehearse(at(AUTH, '1.0.0'))).generation).toBe(2);
    expect((await deployer.rehearse(at(API, '1.0.0'))).generation).toBe(1);
    await expect(deployer.rehearse(at(API, '9.0.0'))).rejects.toMatchObject({
      code: 'rollback/no-target',
      data: { wanted: 'core/api 9.0.0' },
    });
  });

  it('is taken by a rollback as well', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0'), auth('1.2.0'));

    await deployer.rollback({ to: at(AUTH, '1.0.0'), reason: 'slow', actor: 'ada' });

    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });
});

describe('the interruption to expect', () => {
  const WAY = ['planned', 'stopping', 'switching', 'starting', 'verifying', 'soaking', 'committed'] as const;

  it('is the longest of those measured, from the first stop to health', () => {
    expect(longestInterruption([recordOf(1, WAY), recordOf(2, ['planned', 'abandoned'])])).toBe(4_000);
  });

  it('is unknown where nothing was measured', () => {
    expect(longestInterruption([recordOf(1, ['planned', 'abandoned'])])).toBeNull();
  });
});
