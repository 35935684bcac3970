// What a command that was killed left in the workspace, and what the vendor keeps beside it.
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readNewest, readVersion } from '../../../../server/vendor/workspace/metadata.ts';
import { createWorkspace, parseConfig, withLock } from '../../../../server/vendor/workspace/workspace.ts';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { metadataFileOf } from '../../../../shared/trust/metadata.ts';
import { rejectionOf } from '../../../support/error-code.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fairlead-workspace-'));
  await createWorkspace(directory, parseConfig({ server: 'https://vendor.test', tokenFile: 'token' }));
});
afterEach(() => rm(directory, { recursive: true }));

const LEFT = [
  '.vendor.json.0a1b2c3d4e5f.tmp',
  'changes/.CHG-1.json.0a1b2c3d4e5f.tmp',
  'repository/metadata/.1.root.json.0a1b2c3d4e5f.tmp',
];

it('is rid of half-written files before the next command works, at any depth', async () => {
  for (const path of LEFT) await writeFile(join(directory, path), 'ha');

  const seen = await withLock(directory, () => readdir(directory, { recursive: true }));

  expect(seen.filter((path) => path.endsWith('.tmp'))).toEqual([]);
  expect(seen).toEqual(expect.arrayContaining(['vendor.json', 'changes', 'repository/metadata', 'lock']));
});

it('leaves alone what else the vendor keeps there', async () => {
  await mkdir(join(directory, '.git'));
  await writeFile(join(directory, '.git/.index.lock.tmp'), 'theirs');

  expect(await withLock(directory, () => readdir(join(directory, '.git')))).toEqual(['.index.lock.tmp']);
});

it('refuses a version of metadata that says it is another: the next one would be written over what was signed', async () => {
  const signed = { _type: 'targets', version: 3, expires: '2030-01-01T00:00:00Z', targets: {} };
  const place = (version: number) => join(directory, 'repository/metadata', `${version}.releases.json`);
  await writeFile(place(3), metadataFileOf(signed, canonicalize(signed), []));
  expect((await readNewest(directory, 'releases'))?.version).toBe(3);
  await copyFile(place(3), place(9));

  expect((await rejectionOf(readNewest(directory, 'releases'))).code).toBe('vendor/repository-invalid');
  expect((await readVersion(directory, 'releases', 3))?.version).toBe(3);
});
