// Loaded before each program: keeps compiled code beside the sources, where nobody writes who may not change the program itself.
// JavaScript, for it is loaded while the cache is off: one file of TypeScript here would load the type stripper for good.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/compiled'));
