// The published JSON Schemas are a contract: a bound or a pattern that moves is seen, and kept where parsing enforces it.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { approvalStatement } from '../../../shared/schema/approval.ts';
import { DRIVER_WORDS } from '../../../shared/schema/drivers/drivers.ts';
import { linesBehind, type PinVersion, pinVersion } from '../../../shared/schema/pin.ts';
import { PROBE_WORDS } from '../../../shared/schema/probes/probes.ts';
import { renderManifest } from '../../docs/pages/manifest-page.ts';
import { renderPolicy } from '../../docs/pages/policy-page.ts';
import { renderSchemas } from '../../docs/pages/schema-pages.ts';

describe('the schema of a document', () => {
  it.each(renderSchemas())('is what is published: %s', (path, schema) => {
    const published = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

    expect(JSON.parse(schema)).toEqual(JSON.parse(published));
  });
});

describe('the words about each key', () => {
  it.each([
    ['docs/reference/manifest.md', renderManifest],
    ['docs/reference/policy.md', renderPolicy],
  ])('are what is published: %s', (path, render) => {
    const published = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

    expect(render().split('\n')).toEqual(published.split('\n'));
  });

  it.each([
    ['drivers', DRIVER_WORDS],
    ['probes', PROBE_WORDS],
  ])('hold those of all %s', (_what, words) => {
    const published = renderManifest();

    const missing = Object.values(words).filter(
      ({ form = '', about, example = '' }) =>
        ![form, about, example].every((text) => published.includes(text)),
    );
    expect(missing).toEqual([]);
  });
});

describe('an approval', () => {
  const at = '2026-03-01T10:00:00Z';

  it.each([
    ['before it is given', '2026-03-01T09:59:59Z', false],
    ['in the moment it is given', at, false],
    ['after it', '2026-03-01T10:00:01Z', true],
  ])('may not end %s', (_when, expires, fits) => {
    const statement = {
      schema: 'fairlead/approval@1',
      plan: `sha256:${'a'.repeat(64)}`,
      verdict: 'approve',
      by: 'alice',
      reason: 'tested',
      at,
      expires,
    };

    expect(approvalStatement.safeParse(statement).success).toBe(fits);
  });
});

describe('a pin', () => {
  it.each([
    ['latest-1', 1],
    ['latest-9', 9],
    ['1.x', null],
    ['latest', null],
  ])('of %s stays so many minor lines behind: %s', (version, lines) => {
    expect(linesBehind(version as PinVersion)).toBe(lines);
  });

  it.each(['latest-1', 'latest-9', '1.2.0', '~1.2', '>=1.2 <2'])('may be of %s', (version) => {
    expect(pinVersion.safeParse(version).success).toBe(true);
  });

  it.each([
    'latest',
    'latest-0',
    'latest-10',
    'the latest-1',
    'latest-1 ',
    'newest',
    `1.0.0-${'a'.repeat(251)}`,
  ])('may not be of %s', (version) => {
    expect(pinVersion.safeParse(version).success).toBe(false);
  });
});
