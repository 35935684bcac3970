// Where `fairlead-vendor` begins.
import { runHere } from './program.ts';

void runHere(process.argv.slice(2));
