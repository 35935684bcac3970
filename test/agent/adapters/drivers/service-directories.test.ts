// The directories that a service may write to, below its own tree.
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareDirectories } from '../../../../agent/adapters/drivers/service-directories.ts';
import type { ProgramUnit } from '../../../../agent/ports/deploy.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';

const NOBODY = { uid: 65534, gid: 65534 };

function unitIn(stateDir: string, ...writable: readonly string[]): ProgramUnit {
  const tree = join(stateDir, 'tree');
  mkdirSync(tree);
  return {
    kind: 'process',
    component: COMPONENT,
    exec: ['serve'],
    env: {},
    user: 'nobody',
    workingDirectory: tree,
    dataDirectory: join(stateDir, 'data/core/auth'),
    stopTimeoutMs: 1_000,
    identity: 'one',
    writable: writable.map((path) => join(tree, path)),
  };
}

describe('a directory that a release declared writable', () => {
  it('is made, and given to the account of its service', async () => {
    const stateDir = temporaryDirectory();
    const unit = unitIn(stateDir, 'var/cache');

    await prepareDirectories(stateDir, unit, NOBODY);

    expect(statSync(join(unit.workingDirectory, 'var/cache'))).toMatchObject({ uid: 65534 });
    expect(statSync(join(unit.workingDirectory, 'var'))).toMatchObject({ uid: process.getuid?.() });
  });

  it('hands over nothing where a link stands in its place', async () => {
    const stateDir = temporaryDirectory();
    const unit = unitIn(stateDir, 'cache');
    const elsewhere = join(stateDir, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(unit.workingDirectory, 'cache'));

    await expect(prepareDirectories(stateDir, unit, NOBODY)).rejects.toThrow();

    expect(statSync(elsewhere).uid).toBe(process.getuid?.());
  });

  it.each([
    ['a link of the release into a directory that the service has', 'alias/out/taken', 'own', 'alias'],
    ['a link out of the tree', 'own.d/out/taken', '../../elsewhere', 'own.d/out'],
  ])('is neither made nor handed over behind %s', async (_, path, target, link) => {
    const stateDir = temporaryDirectory();
    const unit = unitIn(stateDir, 'own', path);
    const taken = join(stateDir, 'elsewhere/taken');
    mkdirSync(taken, { recursive: true });
    mkdirSync(join(unit.workingDirectory, 'own'));
    mkdirSync(join(unit.workingDirectory, 'own.d'));
    symlinkSync(join(stateDir, 'elsewhere'), join(unit.workingDirectory, 'own/out'));
    symlinkSync(target, join(unit.workingDirectory, link));

    await expect(prepareDirectories(stateDir, unit, NOBODY)).rejects.toMatchObject({
      code: 'service/start-failed',
    });

    expect(statSync(taken).uid).toBe(process.getuid?.());
  });
});
