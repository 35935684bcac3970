// The package of a program for Debian and what descends from it, made by Debian's own dpkg-deb.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { LICENSES_FILE } from './licenses.ts';
import { layOut, type PackedFile, type Packing, readTemplate } from './packages.ts';
import { MACHINES } from './programs.ts';

/** Debian's field asks for a mailbox, and there is none that answers: who packs for others puts theirs here. */
const MAINTAINER = 'Fairlead <fairlead@localhost.invalid>';
/** What Node was linked against; `libgcc1` is the name of Debian 10. */
const DEPENDS = 'libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 5)';
/** A fifth larger than the best that xz can do, in a fifth of its time; every dpkg of the last ten years reads it. */
const COMPRESSION = ['-Zxz', '-z1'];

/** Answers its path. Error: no dpkg-deb on this machine. */
export async function makeDeb(packing: Packing): Promise<string> {
  const { program, target, madeAt, out, work } = packing;
  const directory = join(work, 'deb');
  const files = await filesOf(packing);
  const control = [
    { path: 'DEBIAN/control', mode: 0o644, content: renderControl(packing, files) } as const,
    { path: 'DEBIAN/md5sums', mode: 0o644, content: renderSums(files) } as const,
    ...(await scriptsOf(packing)),
  ];
  await layOut(directory, [...files, ...control], madeAt);
  const name = `${program.name}_${debianVersion(packing.version)}_${MACHINES[target].debian}.deb`;
  const path = join(out, name);
  await mkdir(out, { recursive: true });
  const words = ['--root-owner-group', ...COMPRESSION, '--build', directory, `${path}.part`];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(madeAt) };
  await promisify(execFile)('dpkg-deb', words, { env }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new Error(
      'a package for Debian takes dpkg-deb, of the package dpkg: --executables-only makes none',
      {
        cause,
      },
    );
  });
  await rename(`${path}.part`, path);
  await rm(directory, { recursive: true });
  return path;
}

/** A prerelease comes before its release, which is what a tilde says; a hyphen would begin Debian's own revision. */
export function debianVersion(version: string): string {
  return version.replace('-', '~').replaceAll('-', '+');
}

async function filesOf(packing: Packing): Promise<readonly PackedFile[]> {
  const { program, executable, licenses, manual, changelog } = packing;
  const { name, service } = program;
  const documents = `usr/share/doc/${name}`;
  const plain = (path: string, content: string | Uint8Array) => ({ path, mode: 0o644, content }) as const;
  return [
    { path: `usr/bin/${name}`, mode: 0o755, content: await readFile(executable) },
    plain(`${documents}/copyright`, renderCopyright(packing)),
    plain(`${documents}/${LICENSES_FILE}.gz`, zipped(licenses)),
    plain(`${documents}/changelog.gz`, zipped(renderChangelog(packing))),
    plain(`${documents}/NEWS.gz`, zipped(changelog)),
    plain(`usr/share/man/man1/${name}.1.gz`, zipped(manual)),
    plain(`usr/share/lintian/overrides/${name}`, await readTemplate('debian/overrides', packing)),
    // It is the agent's command line that people type by hand every day.
    ...(service?.words.includes('agent') === true
      ? [plain(`usr/share/bash-completion/completions/${name}`, `source <(${name} completion bash)\n`)]
      : []),
  ];
}

async function scriptsOf(packing: Packing): Promise<readonly PackedFile[]> {
  if (packing.program.service === null) return [];
  const names = ['postinst', 'prerm', 'postrm'];
  return await Promise.all(
    names.map(async (name) => {
      const content = await readTemplate(`debian/${name}`, packing);
      return { path: `DEBIAN/${name}`, mode: 0o755, content } as const;
    }),
  );
}

function renderControl({ program, target, version }: Packing, files: readonly PackedFile[]): string {
  const bytes = files.reduce((sum, { content }) => sum + Math.ceil(content.length / 1024), 0);
  const description = program.description.split('\n').map((line) => ` ${line}`);
  return `Package: ${program.name}
Version: ${debianVersion(version)}
Architecture: ${MACHINES[target].debian}
Maintainer: ${MAINTAINER}
Installed-Size: ${bytes}
Depends: ${DEPENDS}
${program.service === null ? '' : 'Suggests: systemd\n'}Section: admin
Priority: optional
Description: ${program.about.replace(/^the /, '').replaceAll('’', "'")}
${description.join('\n')}
`;
}

function renderSums(files: readonly PackedFile[]): string {
  return files
    .map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path}\n`)
    .join('');
}

function renderChangelog({ program, version, madeAt }: Packing): string {
  const date = new Date(madeAt * 1000).toUTCString().replace('GMT', '+0000');
  return `${program.name} (${debianVersion(version)}) unstable; urgency=medium

  * Release ${version}; what is new in it stands in NEWS.

 -- ${MAINTAINER}  ${date}
`;
}

function renderCopyright({ madeAt }: Packing): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Fairlead
Comment: What Node.js and the packages inside the program are given away under
 stands in ${LICENSES_FILE} beside this file.

Files: *
Copyright: ${new Date(madeAt * 1000).getUTCFullYear()} the owners of Fairlead
License: UNLICENSED
 All rights reserved: no license is given but by agreement with the owners.
`;
}

function zipped(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}
