// A small file of the agent's own: a damaged one counts as absent, and is not lost.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createJsonFile } from '../../../../agent/adapters/files/json-file.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

function file(content?: string) {
  const path = join(temporaryDirectory(), 'deeper', 'x.json');
  const problems: string[] = [];
  const store = createJsonFile(path, z.strictObject({ n: z.int() }), (problem) => problems.push(problem));
  const damage = async () => {
    await store.write({ n: 0 });
    writeFileSync(path, content ?? '');
  };
  return { path, store, problems, damage };
}

describe('a small file', () => {
  it('is absent, then what was written', async () => {
    const { store } = file();

    expect(await store.read()).toBeNull();
    await store.write({ n: 1 });
    expect(await store.read()).toEqual({ n: 1 });
  });

  it.each(['', '{"n":', '{"m":2}', '{"n":"1"}'])('counts as absent when it holds %j', async (content) => {
    const { store, problems, damage } = file(content);
    await damage();

    expect(await store.read()).toBeNull();
    expect(problems).toHaveLength(1);
  });

  it('is read without what a newer agent added to it', async () => {
    const { store, problems, damage } = file('{"n":1,"m":2}');
    await damage();

    expect(await store.read()).toEqual({ n: 1 });
    expect(problems).toEqual([]);
  });

  it('takes its place also where a directory stands, and another where that would go', async () => {
    const { path, store, damage } = file('{"n":');
    await damage();
    mkdirSync(join(`${path}.damaged`, 'deeper'), { recursive: true });
    await store.read();

    await store.write({ n: 2 });
    rmSync(path);
    mkdirSync(join(path, 'deeper'), { recursive: true });
    await store.write({ n: 3 });

    expect(await store.read()).toEqual({ n: 3 });
  });

  it('is moved aside when it was damaged, before a new one takes its place', async () => {
    const { path, store, damage } = file('{"n":');
    await damage();
    await store.read();

    await store.write({ n: 2 });
    await store.write({ n: 3 });

    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe('{"n":');
    expect(await store.read()).toEqual({ n: 3 });
  });

  it('leaves nothing beside a whole one', async () => {
    const { path, store } = file();
    await store.write({ n: 1 });
    await store.read();
    await store.write({ n: 2 });

    expect(existsSync(`${path}.damaged`)).toBe(false);
  });

  it('is no damaged one when this process has no descriptor left to read it', async () => {
    const { path, store } = file();
    await store.write({ n: 1 });
    const module = new URL('../../../../agent/adapters/files/json-file.ts', import.meta.url).href;
    const script = `
      const { createJsonFile } = await import(${JSON.stringify(module)});
      const { z } = await import('zod');
      const { closeSync, openSync } = await import('node:fs');
      const store = createJsonFile(${JSON.stringify(path)}, z.object({ n: z.int() }), () => undefined);
      const held = [];
      try { for (;;) held.push(openSync('/dev/null')); } catch {}
      const refused = await store.read().then(() => 'read', (error) => error.code);
      held.forEach((fd) => closeSync(fd));
      await store.write({ n: 2 });
      process.stdout.write(refused);`;

    const { stdout } = await promisify(execFile)(
      'prlimit',
      ['--nofile=64', process.execPath, '--input-type=module', '-e', script],
      { cwd: new URL('../../../..', import.meta.url) },
    );

    expect(stdout).toBe('disk/unreadable');
    expect(existsSync(`${path}.damaged`)).toBe(false);
  });
});
