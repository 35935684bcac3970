// The emergency target: what runs, with the parts a critical advisory affects moved as little as possible.
import type { CompileInput, EmergencyResult } from './target.ts';

export function compileEmergency(input: CompileInput): EmergencyResult {
  throw new TypeError(`not yet compiled for ${input.instance}`);
}
