// What each test takes while nothing is broken, kept beside the journal: only tests that pass then can tell anything.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Known {
  /** Of the test's text. */
  readonly digest: string;
  readonly ms: number;
}

export class Baselines {
  readonly #path: string;
  readonly #root: string;
  readonly #known: Record<string, Known>;
  /** They fail or take too long today; tomorrow the code or the machine may be another. */
  readonly #useless = new Set<string>();

  constructor(path: string, root: string) {
    this.#path = path;
    this.#root = root;
    this.#known = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  }

  /** Tests that were looked at and cannot be asked. */
  get useless(): readonly string[] {
    return [...this.#useless].sort();
  }

  /** Milliseconds; null for a test that tells nothing; undefined when it has not been measured. */
  find(test: string): number | null | undefined {
    if (this.#useless.has(test)) return null;
    const known = this.#known[test];
    return known?.digest === this.#digestOf(test) ? known.ms : undefined;
  }

  set(test: string, ms: number | null): void {
    if (ms === null) {
      this.#useless.add(test);
      return;
    }
    this.#known[test] = { digest: this.#digestOf(test), ms };
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify(this.#known));
  }

  #digestOf(test: string): string {
    const path = join(this.#root, test);
    const text = existsSync(path) ? readFileSync(path) : '';
    return createHash('sha256').update(text).digest('hex').slice(0, 16);
  }
}
