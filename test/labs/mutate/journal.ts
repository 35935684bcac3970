// What earlier runs found, one line each, outside the checkout: an interrupted run goes on where it was.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export type Outcome = 'killed' | 'timeout' | 'survived' | 'refused';

export interface Verdict {
  readonly outcome: Outcome;
  /** The test file that killed it, or null. */
  readonly by: string | null;
  /** What failed, in words, or how many tests it survived. */
  readonly detail: string;
}

interface Entry extends Verdict {
  readonly id: string;
  /** Digest of what the verdict rests on. */
  readonly proof: string;
}

export class Journal {
  readonly #path: string;
  readonly #root: string;
  readonly #entries = new Map<string, Entry>();
  /** Of every source and test: a survivor counts only as long as nothing changed at all. */
  readonly #everything: string;

  constructor(path: string, root: string, everything: readonly string[]) {
    this.#path = path;
    this.#root = root;
    this.#everything = digestOf(root, everything);
    for (const entry of readEntries(path)) this.#entries.set(entry.id, entry);
  }

  static defaultPath(seed: string): string {
    const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
    return join(cache, 'fairlead-mutate', `${seed.replace(/[^\w.-]/g, '_').slice(0, 40)}.jsonl`);
  }

  /** The verdict on a mutant of `file`, where what it rests on is unchanged. */
  find(id: string, file: string): Verdict | null {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.proof === this.#proofOf(file, entry) ? entry : null;
  }

  add(id: string, file: string, verdict: Verdict): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    const entry: Entry = { id, ...verdict, proof: this.#proofOf(file, verdict) };
    this.#entries.set(id, entry);
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }

  #proofOf(file: string, { by }: Verdict): string {
    return by === null ? this.#everything : digestOf(this.#root, [file, by]);
  }
}

function readEntries(path: string): readonly Entry[] {
  if (!existsSync(path)) return [];
  // The last line of a run that was cut short may be half a line.
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Entry);
}

function digestOf(root: string, files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`${file}\n`);
    if (existsSync(join(root, file))) hash.update(readFileSync(join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
