// `build`: stage 2 turns a directory, or a list of parts, into an immutable release and its pack.

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { eventOf, transition, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { count, formatBytes } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { isPresent } from '../../../../shared/node/read-file.ts';
import { packPath } from '../../../../shared/protocol/publication.ts';
import type { Release } from '../../../../shared/schema/release.ts';
import { formatRef, type ReleaseRef } from '../../../../shared/schema/release-ref.ts';
import { type TreeIndex, treeDigest, treeRefOf } from '../../../../shared/tree/tree-index.ts';
import { createRelease } from '../../core/manifest.ts';
import { auditAct } from '../../workspace/audit.ts';
import { readChange, refOfChange, writeChange } from '../../workspace/changes.ts';
import { type NamedImage, withScratch } from '../../workspace/images.ts';
import { writePack } from '../../workspace/pack-writer.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { type BuiltSbom, makeSbom, readGivenSbom, writeBuiltSbom } from '../../workspace/sboms.ts';
import {
  findSourceProblems,
  readSources,
  type SourceOptions,
  type Sources,
} from '../../workspace/sources.ts';
import { buildFile, jsonBytes, openWorkspace } from '../../workspace/workspace.ts';
import { describeStep } from '../describe.ts';

interface BuildOptions {
  readonly from: string;
  readonly manifest?: string;
  readonly change: string;
  readonly reproduce?: string;
  readonly sbom?: string;
  readonly image?: readonly NamedImage[];
  readonly platform?: string;
  readonly embed?: boolean;
}

export async function build(session: Session, ref: ReleaseRef, options: BuildOptions): Promise<void> {
  const { directory } = await openWorkspace(session.directory);
  await withScratch(directory, (scratch) => buildIn(scratch, session, ref, options));
}

async function buildIn(
  scratch: string,
  session: Session,
  ref: ReleaseRef,
  options: BuildOptions,
): Promise<void> {
  const { directory } = session;
  const change = await readChange(directory, options.change);
  const earlier = verifyBuildable(change, ref);
  const at = earlier?.at ?? formatInstant(session.now());
  const sources = await readSources(ref.kind, toSourceOptions(options), scratch, session);
  const { index } = sources;
  const document = await toDocument(ref, change, at, sources, options.from);
  const tree = index === null ? null : treeRefOf(index);
  const reproduced = await reproduce(session, ref, index, options, scratch);
  const bytes = jsonBytes(document);
  const release = digestOf(bytes);
  if (change.release !== null && change.release !== release) {
    const found = earlier?.details.tree?.digest === tree?.digest ? `${release} (another manifest)` : release;
    throw new FairleadError('vendor/immutable', { release: formatRef(ref), expected: change.release, found });
  }
  const sbom = await findSbom(session, document, sources, options, scratch);
  await writeBuiltSbom(directory, change, sbom);
  if (index !== null) await pack(session, formatRef(ref), options.from, index, sources.elsewhere);
  await writeDurably(buildFile(directory, change.id), bytes);
  const details = { release, tree, reproduced };
  const record = earlier === undefined ? await recordBuild(session, change, at, details, sbom) : change;
  const built =
    tree === null
      ? 'built'
      : `built: ${count(tree.files, 'file')}, ${formatBytes(tree.bytes)}, ${tree.digest}`;
  session.out.result('build', describeStep(record, reproduced ? `${built}, reproduced` : built), {
    change: record,
  });
}

function toSourceOptions({ from, manifest, image, platform, embed }: BuildOptions): SourceOptions {
  return { from, manifest, images: image, platform, embed };
}

/** A version is used up only by what could run somewhere. Errors: document/invalid, vendor/manifest-wrong. */
async function toDocument(
  ref: ReleaseRef,
  change: ChangeRecord,
  builtAt: string,
  sources: Sources,
  from: string,
): Promise<Release> {
  const { index, manifest, source } = sources;
  const tree = index === null ? null : treeRefOf(index);
  const document = createRelease({ ref, change, builtAt, tree, manifest, source });
  const issues = await findSourceProblems(document, sources, from);
  if (issues.length > 0) throw new FairleadError('vendor/manifest-wrong', { source, issues });
  return document;
}

/** What it is made of: as the vendor says, else as the tree's own files do. Error: vendor/option-invalid. */
async function findSbom(
  session: Session,
  document: Release,
  { index, elsewhere }: Sources,
  { from, sbom: file }: BuildOptions,
  scratch: string,
): Promise<BuiltSbom | null> {
  if (document.schema === 'fairlead/capability@1' && index !== null) {
    if (file !== undefined) return readGivenSbom(file);
    return makeSbom(document, index, { from, elsewhere, scratch }, session.out.note);
  }
  if (file === undefined) return null;
  const form = 'no --sbom for a suite or platform: it is made of releases that have their own';
  throw new FairleadError('vendor/option-invalid', { option: '--sbom', value: file, form });
}

/** The build that a killed command, or an earlier one, has recorded already. Errors: vendor/wrong-change, … */
function verifyBuildable(change: ChangeRecord, ref: ReleaseRef): BuildEvent | undefined {
  const about = formatRef(refOfChange(change));
  if (about !== formatRef(ref)) {
    throw new FairleadError('vendor/wrong-change', {
      change: change.id,
      expected: about,
      found: formatRef(ref),
    });
  }
  const built = eventOf(change, 'build');
  if (built === undefined || change.result === 'abandoned') verifyStageIsDue(change, 'build');
  return built;
}

type BuildEvent = NonNullable<ReturnType<typeof eventOf<'build'>>>;

/** True when the same command gave the same tree again. Error: vendor/not-reproducible. */
async function reproduce(
  session: Session,
  ref: ReleaseRef,
  index: TreeIndex | null,
  options: BuildOptions,
  scratch: string,
): Promise<boolean> {
  const { reproduce: command } = options;
  if (command === undefined) return false;
  if (index === null) {
    const form = 'no --reproduce for a suite or platform: it has no files to build';
    throw new FairleadError('vendor/option-invalid', { option: '--reproduce', value: command, form });
  }
  await runShell(command);
  const first = treeDigest(index);
  const again = await readSources(ref.kind, toSourceOptions(options), `${scratch}/again`, session);
  const second = treeDigest(again.index ?? index);
  if (first === second) return true;
  throw new FairleadError('vendor/not-reproducible', { release: formatRef(ref), first, second });
}

/** Named by its digest: the same tree is packed once. */
async function pack(
  session: Session,
  release: string,
  from: string,
  index: TreeIndex,
  elsewhere: Sources['elsewhere'],
): Promise<void> {
  const tree = treeRefOf(index);
  const path = join(session.directory, packPath(hexOf(tree.digest)));
  if (await isPresent(path)) return;
  await makeDirectory(dirname(path));
  const onProgress = (done: number) => session.out.progress(`packing ${release}`, done, tree.bytes);
  await writePack(from, index, path, onProgress, elsewhere);
}

async function recordBuild(
  session: Session,
  change: ChangeRecord,
  at: string,
  details: BuildEvent['details'],
  sbom: BuiltSbom | null,
): Promise<ChangeRecord> {
  const record = transition(change, { stage: 'build', outcome: 'passed', details, at, actor: session.actor });
  const { release, tree } = details;
  const digests = { release, tree: tree?.digest ?? '', sbom: sbom?.ref.digest ?? '' };
  await auditAct(session, 'build', change.id, digests);
  await writeChange(session.directory, record);
  return record;
}

/** Its output goes to standard error, so that --json stays clean. Error: vendor/command-failed. */
export async function runShell(command: string): Promise<void> {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 2, 2] });
  const problem = await new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (status, signal) => {
      resolve(status === 0 ? null : signal === null ? `exit status ${status}` : `ended by ${signal}`);
    });
  });
  if (problem !== null) throw new FairleadError('vendor/command-failed', { command, problem });
}
