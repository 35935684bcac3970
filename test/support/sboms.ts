// Bills of materials in tests: trees of npm, and the published schema as the judge of what is made of them.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect } from 'vitest';

const SCHEMAS = '../vectors/cyclonedx/';
const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`${SCHEMAS}${name}.SNAPSHOT.schema.json`, import.meta.url), 'utf8'));

let validate: ReturnType<Ajv['compile']> | undefined;

/** By the schema that CycloneDX publishes for version 1.6. */
export function expectCycloneDx(document: unknown): void {
  if (validate === undefined) {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const name of ['spdx', 'jsf-0.82'])
      ajv.addSchema({ ...read(name), $id: `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json` });
    validate = ajv.compile(read('bom-1.6'));
  }
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
}

const sha512 = (letter: string) => `sha512-${Buffer.alloc(64, letter).toString('base64')}`;

/** A lockfile as npm 10 writes it: scopes, an alias, two versions of one package, a workspace, peers, what is for development. */
export const LOCK = {
  name: 'shop',
  version: '1.0.0',
  lockfileVersion: 3,
  requires: true,
  packages: {
    '': {
      name: 'shop',
      version: '1.0.0',
      dependencies: { '@acme/core': '^2.0.0', left: '1.x', own: '*' },
      devDependencies: { vitest: '1.0.0' },
    },
    'node_modules/@acme/core': {
      version: '2.0.1',
      integrity: sha512('a'),
      license: 'MIT',
      dependencies: { left: '^2.0.0' },
      peerDependencies: { absent: '*' },
    },
    'node_modules/@acme/core/node_modules/left': {
      version: '2.3.0',
      integrity: sha512('b'),
      license: '(MIT OR Apache-2.0)',
    },
    'node_modules/left': {
      name: 'left-original',
      version: '1.9.0',
      integrity: sha512('c'),
      license: 'see LICENSE.txt',
    },
    'node_modules/own': { resolved: 'packages/own', link: true },
    'packages/own': { version: '0.1.0', dependencies: { left: '1.x' } },
    'node_modules/vitest': { version: '1.0.0', dev: true, integrity: sha512('d') },
  },
};

/** The files of a tree that ships what the lockfile lists. */
export const LOCKED_FILES = [
  'node_modules/@acme/core/package.json',
  'node_modules/@acme/core/node_modules/left/package.json',
  'node_modules/left/package.json',
  'packages/own/package.json',
];
