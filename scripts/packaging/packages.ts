// What a program is given away as besides its one file: a package for Debian and an archive that installs itself.
import { chmod, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Program, Target } from './programs.ts';
import { MACHINES } from './programs.ts';

export interface Packing {
  readonly program: Program;
  readonly target: Target;
  readonly version: string;
  /** The path of the program for that machine. */
  readonly executable: string;
  /** Of all that is in it. */
  readonly licenses: string;
  /** Its page for man(1). */
  readonly manual: string;
  /** What is new in this version. */
  readonly changelog: string;
  /** Seconds since the epoch: the only time that anything in a package has. */
  readonly madeAt: number;
  /** Where it comes to lie, and what is made on the way to it. */
  readonly out: string;
  readonly work: string;
}

/** Everything that goes into a package, by its path in it. */
export interface PackedFile {
  readonly path: string;
  readonly mode: 0o644 | 0o755;
  readonly content: string | Uint8Array;
}

/** Makes a directory of these files alone, with modes and times that no machine decides. */
export async function layOut(directory: string, files: readonly PackedFile[], madeAt: number): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  const directories = new Set<string>([directory]);
  for (const { path, mode, content } of files) {
    const place = join(directory, path);
    for (let up = dirname(place); up.length > directory.length; up = dirname(up)) directories.add(up);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, content);
    await chmod(place, mode);
    await utimes(place, madeAt, madeAt);
  }
  for (const one of directories) {
    await chmod(one, 0o755);
    await utimes(one, madeAt, madeAt);
  }
}

/** A script of this folder, its `@WORDS@` told. Error: one that nobody knows. */
export async function readTemplate(name: string, { program, target, version }: Packing): Promise<string> {
  const { service } = program;
  const words: Readonly<Record<string, string>> = {
    PROGRAM: program.name,
    VERSION: version,
    MACHINE: MACHINES[target].uname,
    NEXT: program.next,
    UNIT: service?.unit ?? '',
    STATE: service?.state ?? '',
    REINSTALL: [...(service?.words ?? []), 'reinstall'].join(' '),
    UNINSTALL: [...(service?.words ?? []), 'uninstall'].join(' '),
  };
  const text = await readFile(join(import.meta.dirname, name), 'utf8');
  return text.replaceAll(/@([A-Z]+)@/g, (_, word: string) => {
    const told = words[word];
    if (told === undefined) throw new Error(`${name} asks for ${word}, which nobody knows`);
    return told;
  });
}
