// The pinned Node for a machine, stripped: installed with the other packages, or fetched by npm and held against the lockfile.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Target } from './programs.ts';
import { stripElf } from './strip.ts';

const run = promisify(execFile);

/** Answers the path of an executable below `work`. */
export async function nodeFor(checkout: string, target: Target, work: string): Promise<string> {
  const name = `node-${target}`;
  const path = join(work, name);
  const bytes = await readFile(join(checkout, 'node_modules', name, 'bin/node')).catch(() =>
    fetchNode(checkout, name, work),
  );
  await mkdir(work, { recursive: true });
  await writeFile(`${path}.part`, stripElf(bytes));
  await chmod(`${path}.part`, 0o755);
  await rename(`${path}.part`, path);
  return path;
}

/** npm installs packages for other processors on no machine; a build for them needs theirs. */
async function fetchNode(checkout: string, name: string, work: string): Promise<Buffer> {
  const { packages } = JSON.parse(await readFile(join(checkout, 'package-lock.json'), 'utf8'));
  const { version, integrity } = packages[`node_modules/${name}`];
  await mkdir(work, { recursive: true });
  await run('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${version}`], { cwd: checkout });
  const archive = join(work, `${name}-${version}.tgz`);
  const digest = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (`sha512-${digest}` !== integrity) throw new Error(`${name} is not what the lockfile says`);
  await run('tar', ['--extract', '--gzip', `--file=${archive}`, `--directory=${work}`, 'package/bin/node']);
  return await readFile(join(work, 'package/bin/node'));
}
