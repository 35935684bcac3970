// What stage 3 reads of an artifact: its document, every byte of its pack, and what both show to be wrong.
import { writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeRecord, CheckResult } from '../../../shared/change/change.ts';
import { type Digest, digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import { type DocumentIssue, formatIssue } from '../../../shared/errors/document.ts';
import { count, formatBytes } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { readNamed } from '../../../shared/node/named-file.ts';
import { readPackIndex, verifyPack } from '../../../shared/node/pack-reader.ts';
import { packPath } from '../../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type CapabilityRelease, type Release, release } from '../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import type { TreeFile } from '../../../shared/tree/tree-index.ts';
import { toCheckResult } from '../core/checks.ts';
import { archivesNeeded, findProblems, headsNeeded } from '../core/lint/lint.ts';
import { refOfChange } from './changes.ts';
import { withScratch } from './images.ts';
import type { Session } from './passphrases.ts';
import { describeArchives } from './sources.ts';
import { buildFile, openRequired } from './workspace.ts';

export interface BuiltDocument {
  /** Null where it cannot be read as what the change is about. */
  readonly document: Release | null;
  readonly checks: readonly CheckResult[];
}

/** The document that a change has built, with the checks on its identity. Error: file/missing. */
export async function readBuilt(session: Session, change: ChangeRecord): Promise<BuiltDocument> {
  const path = buildFile(session.directory, change.id);
  const bytes = await readNamed(path);
  const intact = digestOf(bytes) === change.release;
  const detail = intact ? 'the document is the one built' : `${path} was changed`;
  const { document, check } = readRelease(bytes, path, change);
  return { document, checks: [toCheckResult('same artifact', intact, detail), check] };
}

/** Every file of the pack is hashed again. Error: vendor/file-unreadable. */
export async function checkArtifact(session: Session, document: Release): Promise<readonly CheckResult[]> {
  if (document.schema !== 'fairlead/capability@1') return toChecks(findProblems(document, null, new Map()));
  const { tree } = document;
  const pack = await openPack(session, document);
  try {
    const onUnit = (done: number, total: number) =>
      session.out.progress(`hashing ${document.suite}/${document.name}`, done, total, 'pieces');
    const issues = await withScratch(session.directory, (scratch) =>
      verifyContent(pack, document, onUnit, scratch),
    );
    const whole = `${count(tree.files, 'file')}, ${formatBytes(tree.bytes)}, every one with its digest`;
    return [toCheckResult('artifact', true, whole), ...toChecks(issues)];
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return [toCheckResult('artifact', false, error.message)];
  } finally {
    await pack.close();
  }
}

/** Every byte of the tree is in the pack; answers what is wrong with it as a product. Errors: those of `verifyPack`. */
async function verifyContent(
  pack: FileHandle,
  document: CapabilityRelease,
  onUnit: (done: number, total: number) => void,
  scratch: string,
): Promise<readonly DocumentIssue[]> {
  const index = await readPackIndex(pack, document.tree.digest);
  const needed = new Map(headsNeeded(document, index).map(({ file, bytes }) => [file.digest, bytes]));
  const archives = archivesNeeded(document, index);
  const place = ({ digest }: Pick<TreeFile, 'digest'>) => join(scratch, hexOf(digest));
  const unpacked = new Set(archives.map(({ digest }) => digest));
  const heads = new Map<Digest, Uint8Array>();
  if (archives.length > 0) await makeDirectory(scratch);
  await verifyPack(pack, document.tree, onUnit, ({ file, offset, bytes }) => {
    const wanted = needed.get(file.digest);
    if (wanted !== undefined && offset === 0) heads.set(file.digest, bytes.slice(0, wanted));
    // A file larger than a unit comes in parts, one after the other.
    if (unpacked.has(file.digest)) writeFileSync(place(file), bytes, { flag: offset === 0 ? 'w' : 'a' });
  });
  return findProblems(document, index, heads, await describeArchives(archives, place));
}

/** One for each problem, so that each has its place and its remedy on the record. */
function toChecks(issues: readonly DocumentIssue[]): readonly CheckResult[] {
  if (issues.length === 0)
    return [toCheckResult('fit to run', true, 'programs, probes, settings, constraints')];
  return issues.slice(0, MAX_ISSUES).map((issue) => toCheckResult('fit to run', false, formatIssue(issue)));
}

const MAX_ISSUES = 20;

export function openPack(session: Session, { tree }: CapabilityRelease): Promise<FileHandle> {
  return openRequired(join(session.directory, packPath(hexOf(tree.digest))));
}

function readRelease(
  bytes: Uint8Array,
  path: string,
  change: ChangeRecord,
): { readonly document: Release | null; readonly check: CheckResult } {
  try {
    const document = parseDocumentBytes(release, bytes, path);
    const about = formatRef(refOf(document));
    const matches = about === formatRef(refOfChange(change)) && document.change.id === change.id;
    return {
      document,
      check: toCheckResult('schema', matches, matches ? document.schema : `it is about ${about}`),
    };
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return { document: null, check: toCheckResult('schema', false, error.message.replace(/\s+/g, ' ')) };
  }
}
