// What a release is made from: the directory to ship, the manifest, the parts of a suite or platform.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { isJsonObject, type JsonValue, parseJson } from '../../../shared/encoding/json.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Release } from '../../../shared/schema/release.ts';
import type { ReleaseRef } from '../../../shared/schema/release-ref.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';
import { headsNeeded } from '../core/lint/lint.ts';
import type { Heads } from '../core/lint/tree-facts.ts';
import { openForReading, readTree } from './tree-reader.ts';
import { optionProblem, readOption } from './workspace.ts';

/** What a person named for `build` and `lint`. */
export interface SourceOptions {
  readonly from: string;
  readonly manifest: string | undefined;
}

export interface Sources {
  /** Null for suites and platforms. */
  readonly index: TreeIndex | null;
  readonly manifest: JsonValue;
  /** The manifest's file, named in errors. */
  readonly source: string;
}

/** Errors: vendor/file-unreadable, vendor/option-invalid, json/invalid, tree/*. */
export async function readSources(kind: ReleaseRef['kind'], options: SourceOptions): Promise<Sources> {
  if (kind !== 'capability') return { index: null, ...(await readParts(options)) };
  const { from, manifest: source } = options;
  if (source === undefined) {
    const form = 'the path of a JSON file with at least "service" and "health"';
    throw new FairleadError('vendor/option-invalid', { option: '--manifest', value: '', form });
  }
  const manifest = await readJson(source, '--manifest');
  return { index: await readDirectory(from), manifest, source };
}

async function readDirectory(path: string): Promise<TreeIndex> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return readTree(path);
  const problem = found === null ? 'there is no such directory' : 'it is not a directory';
  throw optionProblem('--from', path, problem);
}

/** The first bytes of the files that a release's rules look at; what cannot be read is left out, and found by the pack. */
export async function readHeads(release: Release, index: TreeIndex, directory: string): Promise<Heads> {
  const heads = new Map<Digest, Uint8Array>();
  for (const { file, bytes } of headsNeeded(release, index)) {
    const head = await readHead(join(directory, file.path), Math.min(bytes, file.size));
    if (head !== null) heads.set(file.digest, head);
  }
  return heads;
}

/** A suite's or platform's parts come from --from; what --manifest says is added to them. */
async function readParts({ from, manifest }: SourceOptions): Promise<Omit<Sources, 'index'>> {
  const parts = await readJson(from, '--from');
  const more = manifest === undefined ? {} : await readJson(manifest, '--manifest');
  return {
    manifest: isJsonObject(parts) && isJsonObject(more) ? { ...parts, ...more } : parts,
    source: from,
  };
}

async function readJson(path: string, option: string): Promise<JsonValue> {
  return parseJson(await readOption(option, path), path);
}

async function readHead(path: string, length: number): Promise<Uint8Array | null> {
  const handle = await openForReading(path).catch(() => null);
  if (handle === null) return null;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
