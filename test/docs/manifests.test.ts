// Manifests on the pages: what a reader copies is accepted, whole or as the part that the page shows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProbeProblems } from '../../server/vendor/core/lint/programs.ts';
import { findRangeProblems } from '../../server/vendor/core/lint/ranges.ts';
import { findSettingProblems } from '../../server/vendor/core/lint/settings.ts';
import { createRelease } from '../../server/vendor/core/manifest.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../shared/encoding/json.ts';
import { parseRef } from '../../shared/schema/release-ref.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md') && !/^(?:reference|adr)\//.test(path))
  .map((path) => `docs/${path}`);

const found = pages.flatMap((page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^```(?:json|sh)\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    partsOf(block),
  );
  return blocks.map((manifest, at) => ({ name: `${page}, ${at + 1}`, manifest }));
});

/** A block that is a manifest, shows one key of one, or writes one to a file. */
function partsOf(block: string): readonly JsonObject[] {
  const written = [...block.matchAll(/<<'END'\n(\{\n.*?\n\})\nEND/gs)].map(([, text = '']) => text);
  return [...written, block.startsWith('"') ? `{${block}}` : block].flatMap((text) => {
    try {
      const value = parseJson(utf8(text), 'a block');
      const isOurs = isJsonObject(value) && ['service', 'capabilities', 'suites'].some((key) => key in value);
      return isOurs && !('schema' in value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

function refOf(manifest: JsonObject) {
  if ('service' in manifest) return parseRef('core/auth@1.0.1');
  return parseRef('capabilities' in manifest ? 'core@1.0.0' : 'platform@1.0.0');
}

/** What a part leaves out is declared for it: the page shows its settings elsewhere. */
function completed(manifest: JsonObject): JsonObject {
  if (!('service' in manifest)) return manifest;
  const names = [...JSON.stringify(manifest).matchAll(/\$\{settings\.([a-z-]+)\}/g)].map(
    ([, name = '']) => name,
  );
  const declared = Object.fromEntries(names.map((name) => [name, { type: 'integer', default: 8080 }]));
  const whole = { health: [{ exec: ['./check'] }], ...manifest, settings: manifest.settings ?? declared };
  const { service } = whole as { readonly service?: JsonObject };
  if (service?.driver !== 'compose' || 'images' in service) return whole;
  // As `build --image` adds them.
  return {
    ...whole,
    service: { ...service, images: [{ layout: 'images', digest: digestOf(utf8('an image')) }] },
  };
}

describe('manifests on the pages', () => {
  it('are found', () => {
    expect(found.length).toBeGreaterThan(6);
  });

  it.each(found)('$name is accepted', ({ manifest }) => {
    const ref = refOf(manifest);
    const tree = ref.kind === 'capability' ? { digest: digestOf(utf8('a tree')), files: 1, bytes: 1 } : null;
    const change = { id: 'CHG-1', revision: 'git:1', scope: 'x' };
    const builtAt = '2026-01-01T00:00:00Z';

    const release = createRelease({
      ref,
      change,
      builtAt,
      tree,
      manifest: completed(manifest),
      source: 'it',
    });

    const issues =
      release.schema === 'fairlead/capability@1'
        ? [...findProbeProblems(release), ...findSettingProblems(release)]
        : findRangeProblems(release);
    expect(issues).toEqual([]);
  });
});
