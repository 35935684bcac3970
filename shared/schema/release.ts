// Release manifests: one immutable version of a platform, a suite or a capability.
import { z } from 'zod';
import type { Digest } from '../encoding/digest.ts';
import {
  byteCount,
  changeRef,
  componentKey,
  digest,
  name,
  prose,
  range,
  suiteName,
  version,
} from './common.ts';
import { service } from './drivers/drivers.ts';
import { healthProbe } from './probes/probes.ts';
import { findTextProblems } from './release-text.ts';
import { findTimeProblems } from './release-times.ts';
import { hooks, settings, smokeTest, writable } from './service.ts';
import { MAX_TREE_BYTES, MAX_TREE_ENTRIES } from './tree-bounds.ts';

/** Keys of `requires`: `platform`, a suite's name, or `suite/capability`. */
const requires = z.record(z.union([componentKey, name]), range);

const releaseBase = {
  version,
  change: changeRef,
  requires: requires.default({}),
  /** A release that may not be skipped on the way up. */
  requiredStop: z.boolean().default(false),
  notes: prose.optional(),
};

export const treeRef = z.strictObject({
  digest,
  files: z.int().min(0).max(MAX_TREE_ENTRIES),
  bytes: byteCount.max(MAX_TREE_BYTES),
});

/** As it was admitted once: what runs is read as long as it runs, also where the rules have become stricter since. */
export const storedCapabilityRelease = z.strictObject({
  schema: z.literal('fairlead/capability@1'),
  suite: suiteName,
  name,
  tree: treeRef,
  /** Optional, so that nothing changes for what was signed before it existed. */
  writable: writable.exactOptional(),
  service,
  settings: settings.default({}),
  health: z.array(healthProbe).max(16).default([]),
  smoke: z.array(smokeTest).max(16).default([]),
  hooks: hooks.prefault({}),
  /** May this version be left for an older one: freely, by restoring its snapshot, or not at all. */
  reversible: z.enum(['yes', 'snapshot', 'no']).optional(),
  ...releaseBase,
});

/** One that may be built, published and installed. */
export const capabilityRelease = storedCapabilityRelease.superRefine((release, context) => {
  const problems = [...findTextProblems(release), ...findTimeProblems(release)];
  for (const { path, found, expected, remedy } of problems) {
    context.addIssue({
      code: 'custom',
      path: [...path],
      input: found,
      message: expected,
      params: { remedy },
    });
  }
});

export const suiteRelease = z.strictObject({
  schema: z.literal('fairlead/suite@1'),
  name: suiteName,
  capabilities: z.record(name, range),
  ...releaseBase,
});

export const platformRelease = z.strictObject({
  schema: z.literal('fairlead/platform@1'),
  suites: z.record(suiteName, range),
  ...releaseBase,
});

export const release = z.discriminatedUnion('schema', [capabilityRelease, suiteRelease, platformRelease]);

export type CapabilityRelease = z.output<typeof capabilityRelease>;
export type Release = z.output<typeof release>;
/** What is known of the way back. `undeclared`: nobody has said, and nothing is promised for them. */
export type Reversible = NonNullable<CapabilityRelease['reversible']> | 'undeclared';
export type TreeRef = z.output<typeof treeRef>;

/** A release as verified from the repository: the parsed document, its exact bytes and their digest. */
export interface Verified<Document> {
  readonly document: Document;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}
