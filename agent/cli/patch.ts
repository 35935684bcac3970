// Where the process begins that applies one patch: the last word says which. An executable reads this alone, and not all that the agent is.
import { answerPatch } from '../adapters/tree-store/patch-process.ts';

void answerPatch(process.argv.at(-1) ?? '');
