// The vendor's workspace: the directory that holds keys, changes, the signed repository and the audit.
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import type { JsonLimits } from '../../../shared/encoding/json.ts';
import { FairleadError, orNull, systemCode } from '../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { tryLock } from '../../../shared/node/lock.ts';
import { namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import { settleDirectory } from '../../../shared/node/set-aside.ts';
import { parseDocument, parseDocumentBytes } from '../../../shared/schema/parse-document.ts';

const vendorConfig = z.strictObject({
  schema: z.literal('fairlead/vendor@1'),
  /** Base URL of the release server, without a trailing slash. */
  server: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
  /** Where the server's publisher token stands; the token itself is never copied here. */
  tokenFile: z.string().min(1),
});
export type VendorConfig = z.output<typeof vendorConfig>;

/** Error: document/invalid, naming what was typed wrong. */
export function parseConfig(config: Omit<VendorConfig, 'schema'>): VendorConfig {
  return parseDocument(vendorConfig, { schema: 'fairlead/vendor@1', ...config }, 'the workspace');
}

const PARTS = ['keys', 'changes', 'builds', 'packs', 'repository/metadata', 'repository/pending'];
const SETTLED = new Set(['keys', 'changes', 'builds', 'statements', 'repository']);

export interface Workspace {
  readonly directory: string;
  readonly config: VendorConfig;
}

/** Error: vendor/no-workspace. */
export async function openWorkspace(directory: string): Promise<Workspace> {
  const workspace = await findWorkspace(directory);
  if (workspace === null) throw new FairleadError('vendor/no-workspace', { directory });
  return workspace;
}

/** What a command about the fleet was told of it; the rest says the workspace. */
export interface FleetPlace {
  readonly server?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** Whoever looks after the fleet needs no workspace: an address and a token will do. Error: vendor/no-workspace. */
export async function fleetConfig(
  directory: string,
  { server, tokenFile }: FleetPlace,
): Promise<VendorConfig> {
  const known = await findWorkspace(directory);
  const place = {
    server: server?.replace(/\/+$/, '') ?? known?.config.server,
    tokenFile: tokenFile === undefined ? known?.config.tokenFile : resolve(tokenFile),
  };
  if (place.server === undefined || place.tokenFile === undefined) {
    throw new FairleadError('vendor/no-workspace', { directory });
  }
  return parseConfig({ server: place.server, tokenFile: place.tokenFile });
}

/** Null where there is none yet. */
export async function findWorkspace(directory: string): Promise<Workspace | null> {
  const path = join(directory, 'vendor.json');
  const bytes = await readIfPresent(path);
  return bytes === null ? null : { directory, config: parseDocumentBytes(vendorConfig, bytes, path) };
}

export async function createWorkspace(directory: string, config: VendorConfig): Promise<Workspace> {
  for (const part of PARTS) await makeDirectory(join(directory, part));
  await writeJson(join(directory, 'vendor.json'), config);
  return { directory, config };
}

/** The release document a change has built, until it is signed and after. */
export function buildFile(directory: string, change: string): string {
  return join(directory, 'builds', `${change}.json`);
}

/** For people to read and compare: indented, one final line break. */
export function writeJson(path: string, value: object, mode?: number): Promise<void> {
  return writeDurably(path, jsonBytes(value), mode);
}

export function jsonBytes(value: object): Uint8Array {
  return utf8(`${JSON.stringify(value, null, 2)}\n`);
}

/** A line for each of a hundred thousand changes. */
const MEMORY_LIMITS: JsonLimits = { maxBytes: 64 << 20, maxDepth: 8, maxNodes: 4_000_000 };

/**
 * What a workspace may forget: a file that spares a command the reading of a long history, and costs one slower command where
 * it is lost. Null where there is none, or none that this version reads: then nothing is known, and all is read.
 * Error: disk/unreadable.
 */
export async function readMemory<Schema extends z.ZodType>(
  directory: string,
  name: string,
  schema: Schema,
): Promise<z.output<Schema> | null> {
  const path = join(directory, name);
  const bytes = await readIfPresent(path);
  return bytes === null ? null : orNull(() => parseDocumentBytes(schema, bytes, path, MEMORY_LIMITS));
}

export function writeMemory(directory: string, name: string, value: object): Promise<void> {
  return writeDurably(join(directory, name), utf8(`${JSON.stringify(value)}\n`));
}

/** Runs `work` on whole files while no other command writes in the directory. Errors: vendor/workspace-busy, disk/*. */
export async function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await makeDirectory(directory);
  const lock = await tryLock(join(directory, 'lock'));
  if (lock === null) throw new FairleadError('vendor/workspace-busy', { directory });
  try {
    await settleWorkspace(directory);
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Clears what a killed command left half-written. Not entered: packs, of which there may be thousands and where the next
 * build of the same tree writes over what the last one left; and whatever else a vendor keeps beside the workspace.
 */
async function settleWorkspace(directory: string): Promise<void> {
  const names = await readdir(directory);
  await settleDirectory(directory, new Set(names.filter((name) => !SETTLED.has(name))));
}

/** A file that a person named by a flag. Errors: vendor/file-unreadable, disk/unreadable. */
export async function readOption(option: string, path: string): Promise<Uint8Array> {
  const bytes = await readIfPresent(path);
  if (bytes === null) throw optionProblem(option, path, 'there is no such file');
  return bytes;
}

/** One that this command cannot do without; `form` is what to write. */
export function missingOption(option: string, form: string): FairleadError {
  return new FairleadError('vendor/option-invalid', { option, value: '', form });
}

export function optionProblem(option: string, path: string, problem: string): FairleadError {
  return new FairleadError('vendor/file-unreadable', { path, problem, option });
}

/** Error: vendor/file-unreadable. */
export async function openRequired(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new FairleadError('vendor/file-unreadable', { path, problem: systemCode(cause) }, { cause });
  }
}

/** The names in a directory, none when it does not exist; what a killed write left behind is not listed. Error: disk/unreadable. */
export async function listFiles(directory: string): Promise<readonly string[]> {
  return (await namesIfPresent(directory)).filter((name) => !name.startsWith('.')).sort();
}
