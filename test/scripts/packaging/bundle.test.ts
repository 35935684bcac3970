// What goes into an executable: the same bytes from every checkout, nothing from outside, and every part that a program starts.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleProgram } from '../../../scripts/packaging/bundle.ts';
import { collectLicenses } from '../../../scripts/packaging/licenses.ts';
import { PROGRAMS, type Program } from '../../../scripts/packaging/programs.ts';
import { temporaryDirectory } from '../../support/directories.ts';

const CHECKOUT = new URL('../../..', import.meta.url).pathname;

function digestOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (/\.\w+$/.test(name)) hash.update(`${name}\n`).update(readFileSync(join(directory, name)));
  }
  return hash.digest('hex');
}

const made = new Map<Program, Promise<{ readonly bundle: Bundle; readonly directory: string }>>();
const forAll = mkdtempSync(join(tmpdir(), 'fairlead-bundles-'));
afterAll(() => rmSync(forAll, { recursive: true }));

/** Once for all tests. */
function bundled(program: Program) {
  const make = async () => {
    const directory = join(forAll, program.name);
    return { bundle: await bundleProgram(CHECKOUT, program, directory), directory };
  };
  const found = made.get(program) ?? make();
  made.set(program, found);
  return found;
}

/** The sources elsewhere; their packages are a link. */
function copyCheckout(): string {
  const copy = join(temporaryDirectory(), 'somewhere', 'else');
  mkdirSync(copy, { recursive: true });
  for (const name of ['agent', 'server', 'shared', 'scripts', 'package.json', 'tsconfig.json']) {
    cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Of one file. */
function checkoutOf(line: string): string {
  const checkout = temporaryDirectory();
  writeFileSync(join(checkout, 'package.json'), '{"version":"1.0.0","type":"module"}');
  mkdirSync(join(checkout, 'agent'));
  writeFileSync(join(checkout, 'agent/main.ts'), `${line};\n`);
  return checkout;
}

describe('a bundle', { timeout: 120_000 }, () => {
  it.each(PROGRAMS.map((program): [string, Program] => [program.name, program]))(
    'is the same from two checkouts: %s',
    async (_name, program) => {
      const there = temporaryDirectory();

      const { bundle, directory } = await bundled(program);
      await bundleProgram(copyCheckout(), program, there);

      expect(digestOf(there)).toBe(digestOf(directory));
      expect(Object.keys(bundle.assets)).toContain(program.entry);
    },
  );

  it('has with it the threads and the files of its program', async () => {
    const [agent, server] = PROGRAMS;
    if (agent === undefined || server === undefined) throw new Error('there are three');

    const assetsOf = async (program: Program) => Object.keys((await bundled(program)).bundle.assets);

    expect(await assetsOf(agent)).toEqual([
      'agent/adapters/repository/verify-thread.ts',
      'agent/cli/main.ts',
      'agent/cli/patch.ts',
    ]);
    expect(await assetsOf(server)).toEqual([
      'server/backup-thread.ts',
      'server/db/report-thread.ts',
      'server/db/sqlite-worker.ts',
      'server/main.ts',
      'server/publisher-thread.ts',
      'server/vendor/workspace/fleet-thread.ts',
      'server/web/docs-page.css',
      'server/web/docs-page.js',
    ]);
  });

  it.each([
    ['the process that applies a patch', ['agent', 'patch', '{}'], ['agent/cli/patch.ts']],
    ['a command of as many words', ['approvals', 'list', '--json'], ['agent/cli/main.ts']],
    ['the same words without a third', ['agent', 'patch'], ['agent/cli/main.ts']],
    ['the version', ['--version'], []],
  ])('reads no more than it needs for %s', async (_, words, expected) => {
    const [agent] = PROGRAMS;
    if (agent === undefined) throw new Error('there are three');
    const { bundle, directory } = await bundled(agent);
    const read: string[] = [];
    const brought: Readonly<Record<string, object>> = {
      'node:sea': { getAsset: (path: string) => read.push(path) },
      'node:vm': { compileFunction: () => () => undefined },
    };

    const begin = new Function('process', 'require', readFileSync(join(directory, bundle.main), 'utf8'));
    begin({ argv: ['', '', ...words], stdout: { write: () => true } }, (name: string) => brought[name]);

    expect(read).toEqual(expected);
  });

  it('has little in it of the process that applies a patch, and no schemas', async () => {
    const [agent] = PROGRAMS;
    if (agent === undefined) throw new Error('there are three');
    const { directory } = await bundled(agent);

    const [all, patch] = ['main', 'patch'].map((name) =>
      readFileSync(join(directory, `agent/cli/${name}.ts`), 'utf8'),
    );

    expect(patch?.length).toBeLessThan((all?.length ?? 0) / 5);
    expect(all).toContain('ZodError');
    expect(patch).not.toContain('ZodError');
  });

  it('brings the license of Node, and of each package that it holds a part of', async () => {
    const [, server] = PROGRAMS;
    if (server === undefined) throw new Error('there are three');
    const { bundle } = await bundled(server);

    const licenses = await collectLicenses(CHECKOUT, bundle.inputs.keys());

    const packages = new Set(
      [...bundle.inputs.keys()].flatMap((path) => /^node_modules\/[^@][^/]*/.exec(path) ?? []),
    );
    expect(packages.size).toBeGreaterThan(30);
    expect(licenses).toMatch(/^node 24\.\d+\.\d+: MIT\n\nNode\.js is licensed for use as follows/);
    for (const place of packages) {
      const { name, version, license } = JSON.parse(
        readFileSync(join(CHECKOUT, place, 'package.json'), 'utf8'),
      );
      expect(licenses).toContain(`\n${name} ${version}: ${license}`);
    }
    expect(licenses).not.toContain(`\nesbuild `);
  });

  it('has threads that answer without a file of theirs', async () => {
    for (const program of PROGRAMS) {
      const { bundle, directory } = await bundled(program);
      for (const [name, file] of Object.entries(bundle.assets)) {
        if (!/-(?:thread|worker)\.ts$/.test(name)) continue;
        const data = { layout: { dir: directory }, passphrase: { kind: 'none' } };
        const worker = new Worker(readFileSync(join(directory, file), 'utf8'), {
          eval: true,
          workerData: name.endsWith('sqlite-worker.ts') ? join(directory, 'x.db') : data,
        });
        const ask = (question: object) =>
          new Promise((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
            worker.postMessage(question);
          });

        const question = { kind: 'part', from: 0, count: 1, bytes: Buffer.from('{') };
        expect(await ask({ ...question, sql: 'SELECT 1' }), name).toMatchObject({});
        // What a thread loads only when it is asked for is in its file as well.
        if (name.endsWith('sqlite-worker.ts')) {
          expect(await ask({ batch: [] })).toEqual({
            error: expect.objectContaining({ message: 'no such table: instances' }),
          });
        }
        await worker.terminate();
      }
    }
  });

  it('takes one byte a character in memory, and means the same', async () => {
    const line = "export const said = [/^(…|😀)$/u.test('😀'), `…${process.pid > 0}`, '😀'];\n";
    const [directory, program] = [temporaryDirectory(), { name: 'x', entry: 'agent/main.ts', about: 'x' }];

    await bundleProgram(checkoutOf(`${line}console.log(JSON.stringify(said))`), program, directory);

    const file = join(directory, program.entry);
    expect(readFileSync(file, 'utf8')).toMatch(/^\p{ASCII}+$/u);
    const { stdout } = spawnSync(process.execPath, ['--input-type=commonjs'], {
      input: readFileSync(file),
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)).toEqual([true, '…true', '😀']);
  });

  it.each([
    ['asks where it lies', 'console.log(import.meta.dirname)', /import\.meta/],
    ['waits at its top level', 'await Promise.resolve()', /[Tt]op-level await/],
    ['loads code from outside', "import('left-pad').catch(() => 0)", /left-pad/],
  ])('is none of a program that %s', async (_what, line, problem) => {
    const program = { name: 'x', entry: 'agent/main.ts' };

    await expect(bundleProgram(checkoutOf(line), program, temporaryDirectory())).rejects.toThrow(problem);
  });
});
