// A copy of the project in which files may be broken: the checkout itself is never written.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applyEdit, type Mutant } from './find-mutants.ts';

export class WorkingCopy {
  /** The copy's root. */
  readonly root: string;
  /** Where the tests run in it put their own files. */
  readonly scratch: string;
  readonly #above: string;

  constructor(checkout: string) {
    // Sockets are made below it, and the name of one has 107 bytes.
    this.#above = mkdtempSync(join(tmpdir(), 'mutate-'));
    this.root = join(this.#above, 'tree');
    this.scratch = join(this.#above, 't');
    mkdirSync(this.scratch);
    // Some tests start services under another account, which has to reach its files here as it does in /tmp.
    chmodSync(this.#above, 0o755);
    chmodSync(this.scratch, 0o1777);
    for (const path of filesOf(checkout)) {
      if (!existsSync(join(checkout, path))) continue;
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      cpSync(join(checkout, path), join(this.root, path), { verbatimSymlinks: true });
    }
    if (existsSync(join(checkout, 'node_modules'))) {
      symlinkSync(join(checkout, 'node_modules'), join(this.root, 'node_modules'));
    }
  }

  read(file: string): string {
    return readFileSync(join(this.root, file), 'utf8');
  }

  /** Runs `work` while the mutant stands in the copy, and puts the file back whatever happens. */
  async withMutant<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const text = this.read(mutant.file);
    writeFileSync(join(this.root, mutant.file), applyEdit(text, mutant));
    try {
      return await work();
    } finally {
      writeFileSync(join(this.root, mutant.file), text);
    }
  }

  /** A test may have been ended while something was mounted below: no other file system is entered. */
  remove(): void {
    execFileSync('rm', ['-rf', '--one-file-system', this.#above]);
  }
}

/** What git tracks or would track: the copy has local changes and none of the caches. */
function filesOf(checkout: string): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: checkout,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return listed.split('\0').filter((path) => path !== '' && path !== 'node_modules');
}
