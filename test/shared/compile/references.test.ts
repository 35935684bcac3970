// References: they mean something in the operator's text, and nowhere else.
import { describe, expect, it } from 'vitest';
import {
  fillReferences,
  type GivenSettings,
  holdsReference,
  isReference,
  referenceKey,
  referencesIn,
} from '../../../shared/compile/references.ts';
import { resolveSettings } from '../../../shared/compile/settings.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { storedCapabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { buildRelease } from '../../support/scenario.ts';

/** What an operator wrote, as their configuration is read. */
function given(settings: Record<string, unknown>): GivenSettings {
  const capabilities = { auth: { settings } };
  const config = instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities } },
  });
  return config.suites.core?.capabilities.auth?.settings ?? {};
}

describe('references', () => {
  it('are found wherever an operator wrote them, once each', () => {
    const found = referencesIn(
      given({ a: 'x ${env:KEY} y', b: '${file:/run/key}${env:KEY}', c: 7, d: '${other:Z}' }),
    );

    expect(found).toEqual([
      { kind: 'env', name: 'KEY' },
      { kind: 'file', name: '/run/key' },
    ]);
  });

  it('are filled without looking at what comes out', () => {
    const values = new Map([
      ['${env:A}', '${env:B}'],
      ['${env:B}', 'secret'],
    ]);

    expect(fillReferences(given({ a: '<${env:A}>', b: '${env:B}', n: 1 }), values)).toEqual({
      a: '<${env:B}>',
      b: 'secret',
      n: 1,
    });
  });

  it.each([
    ['${env:A}', true],
    ['a${file:/x}', true],
    ['${env:', false],
    ['${env:}', false],
    ['${dir.tree}', false],
  ])('says of %s whether it holds one: %s', (text, holds) => {
    expect(holdsReference(text)).toBe(holds);
  });

  it.each([
    ['${env:A}', true],
    ['${env:A}${file:/x}', true],
    ['a${env:A}', false],
    ['${env:A}b', false],
    ['plain', false],
    ['', false],
  ])('says of %j whether it is nothing else: %s', (text, is) => {
    expect(isReference(text)).toBe(is);
  });

  it('are found, and filled, under the text that stands for them', () => {
    const settings = given({ a: '${env:KEY} and ${file:/run/key}' });
    const values = new Map(referencesIn(settings).map((one) => [referenceKey(one), `<${one.name}>`]));

    expect(fillReferences(settings, values)).toEqual({ a: '<KEY> and </run/key>' });
    expect(fillReferences(settings, new Map())).toEqual(settings);
  });

  it('of a release are no references: neither the types nor the resolution let them in', () => {
    const { document } = buildRelease(parseRef('core/auth@1.0.0'), {});
    const release = storedCapabilityRelease.parse({
      ...document,
      settings: {
        stolen: { type: 'string', default: '${file:/etc/shadow}' },
        own: { type: 'string', default: '${env:TOKEN}' },
      },
    });
    const config = instanceConfig.parse({
      schema: 'fairlead/instance@1',
      suites: { core: { capabilities: { auth: { settings: { own: '${env:OWN}' } } } } },
    });

    const resolved = resolveSettings(release, config);
    // @ts-expect-error the defaults of a release are not an operator's text
    const asked: GivenSettings = resolved.defaults;

    expect(resolved.defaults).toEqual({ stolen: '${file:/etc/shadow}' });
    expect(Object.keys(asked)).toEqual(['stolen']);
    expect(referencesIn(resolved.given)).toEqual([{ kind: 'env', name: 'OWN' }]);
  });
});
