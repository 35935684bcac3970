// Bills of materials: the part of CycloneDX 1.6 that is written here, and what is asked of one that somebody else made.
import { z } from 'zod';
import { utf8 } from '../encoding/bytes.ts';
import { type Digest, digestOf, digestOfValue, hexOf } from '../encoding/digest.ts';
import { isJsonObject, type JsonLimits, type JsonValue } from '../encoding/json.ts';
import { parseDocumentBytes } from './parse-document.ts';

export const MAX_SBOM_BYTES = 16 << 20;
export const MAX_SBOM_COMPONENTS = 50_000;

/** Of one that somebody else made: scores in it are fractions. */
const LIMITS: JsonLimits = {
  maxBytes: MAX_SBOM_BYTES,
  maxDepth: 64,
  maxNodes: 2_000_000,
  minBytesPerNode: 8,
  fractions: true,
};

/** Which bytes are the bill of a release, and how many they are: said where the release itself is signed. */
export interface SbomRef {
  readonly digest: Digest;
  readonly bytes: number;
}

const TYPES = [
  ...['application', 'framework', 'library', 'container', 'platform', 'operating-system', 'device'],
  ...['device-driver', 'firmware', 'file', 'machine-learning-model', 'data', 'cryptographic-asset'],
] as const;

const text = z.string().max(4096);

const part = z.looseObject({
  type: z.enum(TYPES),
  'bom-ref': text.min(1).optional(),
  group: text.optional(),
  name: text,
  version: z.string().max(1024).optional(),
  purl: text.optional(),
  get components() {
    return z.array(part).max(MAX_SBOM_COMPONENTS).optional();
  },
});

const dependency = z.looseObject({
  ref: text.min(1),
  dependsOn: z.array(text.min(1)).max(MAX_SBOM_COMPONENTS).optional(),
});

/** The essentials; what else the published schema allows is left as it is. */
const sbom = z
  .looseObject({
    bomFormat: z.literal('CycloneDX'),
    specVersion: z.literal('1.6', { error: '"1.6"' }),
    serialNumber: z
      .string()
      .regex(/^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, { error: '"urn:uuid:" and a UUID' })
      .optional(),
    version: z.int().min(1).optional(),
    metadata: z.looseObject({ component: part.optional() }).optional(),
    components: z.array(part).max(MAX_SBOM_COMPONENTS).optional(),
    dependencies: z
      .array(dependency)
      .max(MAX_SBOM_COMPONENTS + 1)
      .optional(),
  })
  .superRefine((bill, context) => {
    for (const [key, input, message] of problemsOf(bill).slice(0, 20)) {
      context.addIssue({ code: 'custom', path: [key], input, message });
    }
  });

interface Bill {
  readonly metadata?: { readonly component?: SbomComponent | undefined } | undefined;
  readonly components?: readonly SbomComponent[] | undefined;
  readonly dependencies?: readonly z.output<typeof dependency>[] | undefined;
}

/** References that name two things, or nothing. */
function problemsOf({ metadata, components = [], dependencies = [] }: Bill) {
  const top = metadata?.component === undefined ? [] : [metadata.component];
  const refs = flatten([...top, ...components]).flatMap(({ 'bom-ref': ref }) => ref ?? []);
  const known = new Set<string>();
  const twice = refs.filter((ref) => known.size === known.add(ref).size);
  const named = new Set(dependencies.flatMap(({ ref, dependsOn = [] }) => [ref, ...dependsOn]));
  // What begins with that is a link to another document.
  const lost = [...named].filter((ref) => !known.has(ref) && !ref.startsWith('urn:cdx:'));
  return [
    ...twice.map((ref) => ['components', ref, 'each bom-ref once'] as const),
    ...lost.map((ref) => ['dependencies', ref, 'the bom-ref of a component'] as const),
  ];
}

/** One entry of a bill, wherever it is nested. */
export type SbomComponent = z.output<typeof part>;
export type Sbom = z.output<typeof sbom>;

/** Errors: json/invalid, json/too-large, document/invalid. */
export function parseSbom(bytes: Uint8Array, source: string): Sbom {
  return parseDocumentBytes(sbom, bytes, source, LIMITS);
}

/** All that it lists, those inside others too. */
export function componentsOf({ components = [] }: Sbom): readonly SbomComponent[] {
  return flatten(components);
}

function flatten(parts: readonly SbomComponent[]): readonly SbomComponent[] {
  const all: SbomComponent[] = [];
  const pending = parts.toReversed();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    all.push(next);
    pending.push(...(next.components ?? []).toReversed());
  }
  return all;
}

/** A bill as it is written here, all but its number. */
export interface SbomContent {
  readonly metadata: { readonly [key: string]: JsonValue };
  readonly components: readonly JsonValue[];
  readonly dependencies: readonly JsonValue[];
  readonly compositions: readonly JsonValue[];
}

/** The same content is the same bytes: the number is made of it, and nothing says when or where it was written. */
export function formatSbom(content: SbomContent): { readonly bytes: Uint8Array; readonly ref: SbomRef } {
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: serialOf(digestOfValue(countable({ ...content }))),
    version: 1,
    ...content,
  };
  const bytes = utf8(`${JSON.stringify(document)}\n`);
  return { bytes, ref: { digest: digestOf(bytes), bytes: bytes.length } };
}

/** Canonical JSON knows whole numbers alone: others, of a bill that somebody else made, count by their text. */
function countable(value: JsonValue): JsonValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(countable);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, countable(one)]));
}

/** RFC 9562 §5.8: a UUID of our own making, here of 122 bits of a digest. */
function serialOf(digest: Digest): string {
  const hex = hexOf(digest);
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3];
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return `urn:uuid:${[...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')}`;
}
