// Writes docs/reference from the code: run it after changing an error, a schema, a command or a state.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderReference } from '../test/docs/pages/reference.ts';

const root = join(import.meta.dirname, '..');
for (const [path, text] of await renderReference()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
