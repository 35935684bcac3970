// Where the process begins that applies one patch: the last word says which. An executable reads this alone, and not all that the agent is.
import { setFlagsFromString } from 'node:v8';
import { answerPatch } from '../adapters/tree-store/patch-process.ts';

// It lives for seconds: collected early, its peak is lower, and nothing is slower for it.
setFlagsFromString('--optimize-for-size');
void answerPatch(process.argv.at(-1) ?? '');
