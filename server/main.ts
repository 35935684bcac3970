// Where `fairlead-server` begins. It is the vendor's program as well: under that program's name, or as `fairlead-server vendor`.
import { basename } from 'node:path';

const words = process.argv.slice(2);
if (basename(process.argv0) === 'fairlead-vendor') void runVendor(words);
else if (words[0] === 'vendor') void runVendor(words.slice(1));
else void runServer();

async function runServer(): Promise<void> {
  await (await import('./program.ts')).run(words);
}

async function runVendor(its: readonly string[]): Promise<void> {
  await (await import('./vendor/cli/program.ts')).runHere(its);
}
