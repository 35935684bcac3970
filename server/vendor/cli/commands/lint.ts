// `lint`: everything that `build` and `verify` would refuse, without a change and without using up a version.
import { stat } from 'node:fs/promises';
import { isJsonObject } from '../../../../shared/encoding/json.ts';
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import type { Release } from '../../../../shared/schema/release.ts';
import {
  formatRef,
  type ReleaseKind,
  type ReleaseRef,
  refFor,
} from '../../../../shared/schema/release-ref.ts';
import { treeRefOf } from '../../../../shared/tree/tree-index.ts';
import { parseVersion } from '../../../../shared/version/version.ts';
import { checkedBeside, checkRelease } from '../../core/checks.ts';
import { createRelease } from '../../core/manifest.ts';
import { type NamedImage, withScratch } from '../../workspace/images.ts';
import { listKnownReleases } from '../../workspace/known-documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { findSourceProblems, readSources, type Sources } from '../../workspace/sources.ts';
import { findWorkspace } from '../../workspace/workspace.ts';

interface LintOptions {
  readonly from: string;
  readonly manifest?: string;
  readonly kind?: ReleaseKind;
  readonly image?: readonly NamedImage[];
  readonly platform?: string;
  readonly embed?: boolean;
}

export async function lint(
  session: Session,
  named: ReleaseRef | undefined,
  options: LintOptions,
): Promise<void> {
  const { from, manifest, image: images, platform, embed } = options;
  const kind = named?.kind ?? options.kind ?? (await kindOf(session, from));
  const ref = named ?? placeholder(kind);
  const { sources, release, issues } = await withScratch(null, async (scratch) => {
    const found = await readSources(kind, { from, manifest, images, platform, embed }, scratch, session);
    return { sources: found, ...(await judge(ref, found, from)) };
  });
  const unmet = release === null ? [] : await findUnmet(session, release, named !== undefined);
  const all = [...issues, ...unmet];
  const { source } = sources;
  if (all.length > 0) throw new FairleadError('vendor/manifest-wrong', { source, issues: all });
  const about = named === undefined ? kind : formatRef(ref);
  const files = sources.index === null ? '' : `, ${count(treeRefOf(sources.index).files, 'file')}`;
  session.out.result('lint', [`${source}: nothing wrong (${about}${files})`], { source, kind, issues: all });
}

/** By what stands at --from. */
async function kindOf(session: Session, from: string): Promise<ReleaseKind> {
  const found = await stat(from).catch(() => null);
  if (found?.isFile() !== true) return 'capability';
  const { manifest } = await readSources('suite', { from, manifest: undefined }, '', session);
  return isJsonObject(manifest) && 'suites' in manifest ? 'platform' : 'suite';
}

/** Its own name matters to no rule but "requires itself": one that nobody uses. */
function placeholder(kind: ReleaseKind): ReleaseRef {
  const component = { capability: 'unnamed/unnamed', suite: 'unnamed', platform: 'platform' }[kind];
  return refFor(component, parseVersion('0.0.0'));
}

interface Judgement {
  /** Null where the document itself is wrong: what its files lack can be said once it is not. */
  readonly release: Release | null;
  readonly issues: readonly DocumentIssue[];
}

async function judge(ref: ReleaseRef, sources: Sources, from: string): Promise<Judgement> {
  const { index, manifest, source } = sources;
  const change = { id: 'CHG-0', revision: 'none', scope: 'lint' };
  const tree = index === null ? null : treeRefOf(index);
  try {
    const builtAt = '1970-01-01T00:00:00Z';
    const release = createRelease({ ref, change, builtAt, tree, manifest, source });
    return { release, issues: await findSourceProblems(release, sources, from) };
  } catch (error) {
    if (!isFairleadError(error, 'document/invalid')) throw error;
    return { release: null, issues: error.data.issues };
  }
}

/** What `verify` would miss among the releases of this workspace; nothing where there is none. */
async function findUnmet(
  session: Session,
  release: Release,
  isNamed: boolean,
): Promise<readonly DocumentIssue[]> {
  if ((await findWorkspace(session.directory)) === null) return [];
  const checks = checkRelease(release, await listKnownReleases(session.directory, checkedBeside(release)));
  return checks
    .filter(({ outcome, check }) => outcome === 'failed' && (isNamed || check !== 'unique version'))
    .map(({ check, detail }) => ({
      path: check,
      expected: 'a release that verifies beside those of this workspace',
      found: detail,
      remedy:
        check === 'unique version'
          ? 'take a new version'
          : 'release what is missing first, or correct the range',
    }));
}
