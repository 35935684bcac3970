// The archive that installs itself on any Linux: the program, its licenses, their sums, and the script that puts them in place.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { LICENSES_FILE } from './licenses.ts';
import { layOut, type PackedFile, type Packing, readTemplate } from './packages.ts';

/** Answers its path. */
export async function makeArchive(packing: Packing): Promise<string> {
  const { program, target, version, executable, licenses, madeAt, out, work } = packing;
  const name = `${program.name}-${version}-${target}`;
  const directory = join(work, 'archive');
  const given: readonly PackedFile[] = [
    { path: program.name, mode: 0o755, content: await readFile(executable) },
    { path: LICENSES_FILE, mode: 0o644, content: licenses },
    { path: 'install.sh', mode: 0o755, content: await readTemplate('install.sh', packing) },
  ];
  const sums = given.map(({ path, content }) => `${sha256(content)}  ${path}\n`).join('');
  const files = [...given, { path: 'SHA256SUMS', mode: 0o644, content: sums } as const];
  await layOut(join(directory, name), files, madeAt);

  const archive = join(work, `${name}.tar`);
  await promisify(execFile)('tar', [
    ...['--create', `--file=${archive}`, `--directory=${directory}`, '--format=ustar', '--sort=name'],
    ...['--owner=0', '--group=0', '--numeric-owner', `--mtime=@${madeAt}`, name],
  ]);
  const path = join(out, `${name}.tar.gz`);
  await mkdir(out, { recursive: true });
  // By Node, which the lockfile names: the machine's own gzip would decide the bytes.
  await writeFile(`${path}.part`, await promisify(gzip)(await readFile(archive), { level: 9 }));
  await rename(`${path}.part`, path);
  for (const done of [archive, directory]) await rm(done, { recursive: true });
  return path;
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
