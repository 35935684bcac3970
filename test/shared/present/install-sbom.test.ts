// The bill of an install: what runs there, with the parts of each release where they are at hand, and where to find them where not.
import { expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { createInstallSbom, type InstalledPart } from '../../../shared/present/install-sbom.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { parseSbom } from '../../../shared/schema/sbom.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { expectCycloneDx } from '../../support/sboms.ts';

const INSTALL = { id: 'b4b2', name: 'Oslo', repository: 'https://vendor.example/repository' };
const digest = digestOf(utf8('a tree'));
const part = (component: string, more: Partial<InstalledPart> = {}): InstalledPart => ({
  ...{ component: component as ComponentKey, version: parseVersion('1.0.1'), tree: digest },
  ...more,
});
const bill = parseSbom(
  utf8(
    JSON.stringify({
      ...{ bomFormat: 'CycloneDX', specVersion: '1.6' },
      metadata: { component: { type: 'application', 'bom-ref': 'root', name: 'auth' } },
      components: [
        {
          type: 'library',
          'bom-ref': 'left',
          name: 'left',
          components: [{ type: 'file', 'bom-ref': 'f', name: 'f' }],
        },
      ],
      dependencies: [{ ref: 'root', dependsOn: ['left'] }, { ref: 'left' }],
    }),
  ),
  'a test',
);
const create = (...parts: readonly InstalledPart[]) => {
  const bytes = createInstallSbom(INSTALL, parts);
  const made = JSON.parse(Buffer.from(bytes).toString());
  expectCycloneDx(made);
  parseSbom(bytes, 'what was made');
  return made;
};

it('takes the fractions of a bill that somebody else made as they are', () => {
  const evidence = { identity: [{ field: 'purl', confidence: 0.8 }] };
  const components = [{ type: 'library', 'bom-ref': 'a', name: 'a', evidence }];
  const theirs = utf8(JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', components }));

  const made = create(part('core/auth', { bill: parseSbom(theirs, 'a test') }));

  expect(made.components[0].components).toMatchObject([{ evidence }]);
});

it('names what runs by its address and its tree, and where its own bill is', () => {
  const { components, compositions } = create(
    part('core/auth', { sbom: { digest, bytes: 12 } }),
    part('core/web'),
  );

  expect(components[0]).toMatchObject({
    purl: 'pkg:generic/core/auth@1.0.1',
    properties: [{ name: 'fairlead:tree', value: digest }],
    externalReferences: [
      {
        type: 'bom',
        url: `https://vendor.example/repository/packs/${digest.slice(7)}/${digest.slice(7)}.cdx.json`,
        hashes: [{ alg: 'SHA-256', content: digest.slice(7) }],
      },
    ],
  });
  expect(components[1]).not.toHaveProperty('externalReferences');
  expect(compositions).toMatchObject([{ aggregate: 'incomplete' }]);
});

it('keeps apart what two releases have of the same package, and who needs whom', () => {
  const { components, dependencies } = create(part('core/auth', { bill }), part('core/web', { bill }));

  expect(components[1].components[0]).toMatchObject({
    'bom-ref': 'core/web@1.0.1/left',
    components: [{ 'bom-ref': 'core/web@1.0.1/f' }],
  });
  expect(dependencies).toEqual([
    { ref: 'b4b2', dependsOn: ['core/auth@1.0.1', 'core/web@1.0.1'] },
    { ref: 'core/auth@1.0.1', dependsOn: ['core/auth@1.0.1/left'] },
    { ref: 'core/auth@1.0.1/left', dependsOn: [] },
    { ref: 'core/web@1.0.1', dependsOn: ['core/web@1.0.1/left'] },
    { ref: 'core/web@1.0.1/left', dependsOn: [] },
  ]);
});

it('is the same bytes of the same install', () => {
  expect(createInstallSbom(INSTALL, [part('core/auth')])).toEqual(
    createInstallSbom(INSTALL, [part('core/auth')]),
  );
});
