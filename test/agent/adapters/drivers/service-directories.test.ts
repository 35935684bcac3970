// The directories that a service may write to, below its own tree.
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareDirectories } from '../../../../agent/adapters/drivers/service-directories.ts';
import type { ProgramUnit } from '../../../../agent/ports/driver.ts';
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
});
