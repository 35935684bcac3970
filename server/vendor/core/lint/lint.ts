// What is wrong with a release by its document and its files alone: all of it, before anybody's machine finds out.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { MAX_IMAGE_DOCUMENT_BYTES } from '../../../../shared/schema/image-documents.ts';
import type { CapabilityRelease, Release } from '../../../../shared/schema/release.ts';
import { HEAD_BYTES } from '../../../../shared/tree/program-head.ts';
import type { TreeFile, TreeIndex } from '../../../../shared/tree/tree-index.ts';
import { composeFile, composeParts, findComposeProblems, MAX_COMPOSE_BYTES } from './compose.ts';
import { imageArchives, imageConfigs } from './images.ts';
import { problem } from './problem.ts';
import { findProbeProblems, findProgramProblems, programFiles } from './programs.ts';
import { findRangeProblems } from './ranges.ts';
import { findSettingProblems } from './settings.ts';
import { type Archives, createTreeFacts, type Heads } from './tree-facts.ts';

export interface HeadNeeded {
  readonly file: TreeFile;
  readonly bytes: number;
}

/** The files whose first bytes `findProblems` looks at. */
export function headsNeeded(release: Release, index: TreeIndex): readonly HeadNeeded[] {
  if (release.schema !== 'fairlead/capability@1') return [];
  const tree = createTreeFacts(index);
  const compose = composeFile(release.service, tree);
  return [
    ...programFiles(release, tree).map((file) => ({ file, bytes: HEAD_BYTES })),
    ...(compose === null ? [] : [{ file: compose, bytes: MAX_COMPOSE_BYTES }]),
    ...composeParts(release.service, tree).map((file) => ({ file, bytes: MAX_COMPOSE_BYTES })),
    ...imageConfigs(release.service, tree).map((file) => ({ file, bytes: MAX_IMAGE_DOCUMENT_BYTES })),
  ];
}

/** The archives whose images `findProblems` looks at. */
export function archivesNeeded(release: Release, index: TreeIndex): readonly TreeFile[] {
  if (release.schema !== 'fairlead/capability@1') return [];
  return imageArchives(release.service, createTreeFacts(index));
}

/** `index` is null for suites and platforms, which have no files. */
export function findProblems(
  release: Release,
  index: TreeIndex | null,
  heads: Heads,
  archives?: Archives,
): readonly DocumentIssue[] {
  if (release.schema !== 'fairlead/capability@1') return findRangeProblems(release);
  const tree = createTreeFacts(index ?? { entries: [] }, heads, archives);
  if (tree.files === 0) {
    return [
      problem('tree', 'no files', 'at least one file', 'build from the directory that holds your product'),
    ];
  }
  return [
    ...findProgramProblems(release, tree),
    ...findComposeProblems(release, tree),
    ...findProbeProblems(release),
    ...findSettingProblems(release),
    ...findRangeProblems(release),
    ...findGateProblems(release),
    ...findTextProblems(release),
  ];
}

/** Without a probe nothing says that it works; an agent proves itself. */
function findGateProblems({
  health,
  reversible,
  hooks,
  service,
}: CapabilityRelease): readonly DocumentIssue[] {
  const { length: hooked } = [...hooks.snapshot, ...hooks.restore];
  const isCopied = service.driver === 'compose' && service.snapshot !== undefined && hooked === 0;
  const missing = (['snapshot', 'restore'] as const).filter((kind) => !isCopied && hooks[kind].length === 0);
  return [
    ...(health.length > 0 || service.driver === 'agent'
      ? []
      : [problem('health', 'no probe', 'at least one probe', 'say how to ask the service whether it works')]),
    ...(reversible !== 'snapshot'
      ? []
      : missing.map((kind) =>
          problem(`hooks.${kind}`, 'nothing', 'a hook, as reversible is "snapshot"', `add hooks.${kind}`),
        )),
  ];
}

/** No program can be handed a NUL: its start fails. */
function findTextProblems(release: CapabilityRelease): readonly DocumentIssue[] {
  const { service } = release;
  return Object.entries(service.env).flatMap(([name, value]) =>
    value.includes('\0')
      ? [problem(`service.env.${name}`, 'text with a NUL', 'text without a NUL', 'remove it')]
      : [],
  );
}
