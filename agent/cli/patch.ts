// Where the process begins that applies one patch: the last word says which. An executable reads this alone, and not all that the agent is.
import { setFlagsFromString } from 'node:v8';
import { answerPatch } from '../adapters/tree-store/patch-process.ts';

// It lives for seconds: collected early, its peak is lower. What it keeps is so little that it is marked in
// one go: threads that mark beside it take a tenth of all its processor time (ADR 151).
for (const flag of ['optimize-for-size', 'semi-space-growth-factor=1', 'no-incremental-marking'])
  setFlagsFromString(`--${flag}`);
void answerPatch(process.argv.at(-1) ?? '');
