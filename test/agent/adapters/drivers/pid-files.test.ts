// Pid files are hints: one that nobody may change or remove keeps no service from being found, stopped or started.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createPidFiles } from '../../../../agent/adapters/drivers/pid-files.ts';
import { readProcess } from '../../../../agent/adapters/machine/process-table.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const AUTH = 'core/auth' as ComponentKey;

it('finds the process that was noted last where its place could not be taken', async () => {
  const directory = temporaryDirectory();
  const files = createPidFiles(directory);
  const self = (await readProcess(process.pid))!;
  // As an immutable file does, a directory refuses the rename.
  mkdirSync(join(directory, 'core.auth.json'));
  writeFileSync(join(directory, 'core.auth.json', 'stays'), '');

  await files.write(AUTH, { ...self, identity: 'new' }).catch(() => undefined);

  expect((await files.read(AUTH))?.leader).toMatchObject({ pid: process.pid, identity: 'new' });
});

it('looks at the older one where the newer was cut', async () => {
  const directory = temporaryDirectory();
  const files = createPidFiles(directory);
  const self = (await readProcess(process.pid))!;
  await files.write(AUTH, { ...self, identity: 'old' });
  writeFileSync(join(directory, 'core.auth.json.tmp'), '{"pid":');

  expect((await files.read(AUTH))?.leader).toMatchObject({ identity: 'old' });
  await files.remove(AUTH);
  expect(await files.read(AUTH)).toBeNull();
});
