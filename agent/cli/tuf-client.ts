// tuf-client: the agent's TUF client as a program of its own, for any TUF repository and for the conformance suite.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { FairleadError, orNull } from '../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import type { TargetFile } from '../../shared/trust/metadata.ts';
import { namingHash, verifyFile } from '../../shared/trust/target.ts';
import { createHttpSource } from '../adapters/repository/http-source.ts';
import { openTrustStore } from '../adapters/repository/trust-store.ts';
import { createHttpClient, type HttpClient } from '../adapters/server/http-client.ts';
import { targetFile } from '../core/repository-names.ts';
import { startFrom } from '../engine/repository/root-chain.ts';
import { Updater } from '../engine/repository/updater.ts';

const USAGE = `usage:
  tuf-client --metadata-dir DIR init TRUSTED_ROOT
  tuf-client --metadata-dir DIR --metadata-url URL refresh
  tuf-client --metadata-dir DIR --metadata-url URL --target-name NAME --target-base-url URL --target-dir DIR download`;

const OPTIONS = {
  'metadata-dir': { type: 'string' },
  'metadata-url': { type: 'string' },
  'target-name': { type: 'string' },
  'target-base-url': { type: 'string' },
  'target-dir': { type: 'string' },
} as const;
type Option = keyof typeof OPTIONS;
type Require = (name: Option) => string;

class UsageError extends Error {}

try {
  await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(error instanceof UsageError ? `${error.message}\n${USAGE}\n` : `${describe(error)}\n`);
  process.exitCode = 1;
}

async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const require: Require = (name) => {
    const value = values[name];
    if (value === undefined || value === '') throw new UsageError(`--${name} is missing`);
    return value;
  };
  const [command, trustedRoot] = positionals;
  if (command === 'init' && trustedRoot !== undefined)
    return await init(require('metadata-dir'), trustedRoot);
  if (command !== 'refresh' && command !== 'download') throw new UsageError('no such command');
  // TUF §5.1: one time for the whole update.
  const now = Date.now();
  const http = createHttpClient();
  try {
    const updater = await refresh(http, require, now);
    if (command === 'download') await download(http, updater, require, now);
  } finally {
    await http.close();
  }
}

async function init(directory: string, trustedRoot: string): Promise<void> {
  const store = await openTrustStore(directory);
  await startFrom(store, await readFile(trustedRoot));
}

async function refresh(http: HttpClient, require: Require, now: number): Promise<Updater> {
  const updater = await Updater.open({
    store: await openTrustStore(require('metadata-dir')),
    source: sourceAt(require('metadata-url'), http),
  });
  await updater.refresh(now);
  return updater;
}

/** Metadata and targets have addresses of their own, and are asked for one at a time. */
function sourceAt(url: string, http: HttpClient) {
  return createHttpSource({ metadata: url, targets: url, packs: url }, http);
}

/** TUF §5.7. The file keeps one name for one target path; what is already right is not fetched again. */
async function download(http: HttpClient, updater: Updater, require: Require, now: number): Promise<void> {
  const name = require('target-name');
  const directory = require('target-dir');
  const baseUrl = require('target-base-url');
  const target = await updater.findTarget(name, now);
  if (target === null) throw new FairleadError('trust/target-not-found', { path: name });
  const file = join(directory, targetFile(name));
  const stored = await readIfPresent(file);
  if (stored !== null && orNull(() => verified(stored, target, name)) !== null) return;
  const hash = updater.topLevel.root.consistentSnapshot ? namingHash(target.hashes) : null;
  const bytes = await sourceAt(baseUrl, http).document(name, hash, target.length);
  await makeDirectory(directory);
  await writeDurably(file, verified(bytes, target, name));
}

function verified(bytes: Uint8Array, target: TargetFile, name: string): Uint8Array {
  verifyFile(bytes, target, name);
  return bytes;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'the arguments cannot be read');
  }
}

function describe(error: unknown): string {
  return sanitizeLine(error instanceof Error ? error.message : 'it failed', 500);
}
