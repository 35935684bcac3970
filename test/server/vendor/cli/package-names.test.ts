// Which component a package is released as, typed or in a file: what the one takes the other takes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parsePackage, readPackages } from '../../../../server/vendor/cli/packages.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const LONGEST = 300;

function isTyped(name: string): boolean {
  try {
    return parsePackage(`${name}=core/auth`).package === name;
  } catch {
    return false;
  }
}

async function isInFile(name: string): Promise<boolean> {
  const file = join(temporaryDirectory(), 'packages.json');
  const packages = [{ package: name, component: 'core/auth' }];
  writeFileSync(file, JSON.stringify({ schema: 'fairlead/packages@1', packages }));
  return readPackages({ packages: file }).then(
    ([one]) => one?.package === name,
    () => false,
  );
}

it.each<[string, boolean]>([
  ['npm:node-red', true],
  ['pkg:npm/%40acme/core', true],
  ['pkg:generic/a?checksum=sha256:00', true],
  [`npm:${'a'.repeat(LONGEST - 4)}`, true],
  [`npm:${'a'.repeat(LONGEST - 3)}`, false],
  ['npm', false],
  [':a', false],
  ['a=b:c', false],
  ['npm:two\nlines', false],
  ['npm:a\u0000', false],
  ['', false],
])('%j', async (name, isOne) => {
  expect([isTyped(name), await isInFile(name)]).toEqual([isOne, isOne]);
});
