// Compile: from configuration, catalog, pins and what runs to the one deployment this instance should have.
import type { CompileInput, CompileResult } from './target.ts';

export function compile(input: CompileInput): CompileResult {
  throw new TypeError(`not yet compiled for ${input.instance}`);
}
