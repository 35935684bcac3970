// What others measure with: whether a tool is installed, in which version, and which package brings it.
import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** By program, the package of Debian that brings it. */
const PACKAGES = {
  ...{ bsdiff: 'bsdiff', casync: 'casync', curl: 'curl', npm: 'npm', rsync: 'rsync' },
  ...{ tar: 'tar', xdelta3: 'xdelta3', zstd: 'zstd' },
} as const;

export type Tool = keyof typeof PACKAGES;

/** What to do about tools that are missing, or undefined when all are there. */
export function lacking(...tools: readonly Tool[]): string | undefined {
  const missing = tools.filter((tool) => !isInstalled(tool)).map((tool) => PACKAGES[tool]);
  return missing.length === 0 ? undefined : `apt-get install ${missing.join(' ')}`;
}

/** As a table's note tells them: which versions were measured beside. */
export function versionsOf(...tools: readonly Tool[]): string {
  return tools
    .filter(isInstalled)
    .map((tool) => `${tool} ${debianVersion(PACKAGES[tool]) ?? ownVersion(tool)}`)
    .join(', ');
}

/** Of a package that the bench's own sources depend on. */
export function npmVersion(name: string): string {
  const file = join(import.meta.dirname, '../../node_modules', name, 'package.json');
  return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
}

function isInstalled(program: Tool): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Null where it did not come that way, also where only its settings are left. */
function debianVersion(name: string): string | null {
  try {
    const version = execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], {
      ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    });
    return version === '' ? null : version;
  } catch {
    return null;
  }
}

/** Of what did not come by Debian's package. */
function ownVersion(program: Tool): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n', 1)[0] ?? '';
}
