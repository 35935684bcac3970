// Leftovers of killed writes: gone after a start, and nothing else with them.
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mendDirectories, settleState } from '../../../../agent/adapters/state/state-directory.ts';
import { describeDirectory, temporaryDirectory } from '../../../support/directories.ts';

describe('settleState', () => {
  it('clears temporary files and half generations, and leaves everything else', async () => {
    const stateDir = temporaryDirectory();
    const write = (path: string) => {
      mkdirSync(join(stateDir, path, '..'), { recursive: true });
      writeFileSync(join(stateDir, path), path);
    };
    const kept = [
      'records/1.json',
      'data/core/auth/.cache.tmp',
      'store/tmp/.x.tmp',
      'generations/2/plan.json',
    ];
    kept.forEach(write);
    const before = describeDirectory(stateDir);
    write('records/.1.json.0a1b2c.tmp');
    write('generations/2/.record.json.0a1b2c.tmp');
    write('generations/.3.tmp/releases/core/auth.json');
    write('settings.json.tmp-17638000000a1b2c');

    await settleState(stateDir);

    expect(describeDirectory(stateDir)).toEqual(before);
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'x')],
    ['a link that leads nowhere', (path: string) => symlinkSync('nowhere', path)],
  ])('moves %s in the place of a directory aside, and keeps a directory elsewhere', async (_what, stand) => {
    const stateDir = temporaryDirectory();
    const data = temporaryDirectory();
    symlinkSync(data, join(stateDir, 'data'));
    mkdirSync(join(stateDir, 'store'));
    for (const name of ['records', 'run', 'logs', 'store/handed', 'store/tmp']) stand(join(stateDir, name));

    await settleState(stateDir);

    expect(readdirSync(stateDir).sort()).toEqual([
      ...['data', 'logs.damaged', 'records.damaged', 'run.damaged', 'store'],
    ]);
    expect(readdirSync(join(stateDir, 'store'))).toEqual(['handed.damaged', 'tmp.damaged']);
  });

  it('names what it moved out of the place of a directory, once', async () => {
    const stateDir = temporaryDirectory();
    writeFileSync(join(stateDir, 'records'), 'x');

    expect(await mendDirectories(stateDir)).toEqual([join(stateDir, 'records')]);
    expect(await mendDirectories(stateDir)).toEqual([]);
  });
});
