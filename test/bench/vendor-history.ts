// A release server and a workspace whose changes went through all seven stages long ago: written as the programs write them, only faster.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { draftNext } from '../../server/vendor/core/roles.ts';
import { type MetadataFile, parseMetadata } from '../../server/vendor/workspace/metadata.ts';
import { entriesOf, targetName } from '../../server/vendor/workspace/targets.ts';
import type { ChangeRecord } from '../../shared/change/change.ts';
import { openChange, type StageInput, transition } from '../../shared/change/pipeline.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { advanceHead, type EMPTY_AUDIT } from '../../shared/schema/audit-chain.ts';
import { openKeyFile } from '../../shared/trust/keyfile.ts';
import { signMetadata } from '../../shared/trust/metadata.ts';
import { parseVersion } from '../../shared/version/version.ts';

const PASSPHRASE = 'a passphrase of the bench';
const ROOT = join(import.meta.dirname, '../..');
const COMPONENTS = 20;

export interface VendorAtWork {
  readonly url: string;
  readonly token: string;
  readonly work: string;
  /** One command of `fairlead-vendor`, as it is typed; answers its JSON document. */
  run(...argv: readonly string[]): Record<string, unknown>;
  stop(): Promise<void>;
}

/** `releases` of twenty capabilities, each offered to a track and done, and one more that is not done. */
export async function startVendorWithHistory(work: string, releases: number): Promise<VendorAtWork> {
  mkdirSync(work, { recursive: true });
  const data = join(work, 'server');
  const directory = join(work, 'workspace');
  const env = { ...process.env, FAIRLEAD_PASSPHRASE: PASSPHRASE, FAIRLEAD_VENDOR_DIR: directory };
  const program = join(ROOT, 'scripts/bin/fairlead-server');
  execFileSync(program, ['init', '--dir', data, '--public-url', 'http://127.0.0.1:1'], {
    env,
    stdio: 'ignore',
  });
  const child = spawn(program, ['run', '--dir', data, '--port', '0'], {
    ...{ env, stdio: ['ignore', 'pipe', 'ignore'] },
  });
  const url = await addressOf(child);
  const tokenFile = join(data, 'admin.token');
  const vendor: VendorAtWork = {
    ...{ url, work, token: readFileSync(tokenFile, 'utf8').trim() },
    run: (...argv) => {
      const options = { env, maxBuffer: 2 ** 26, stdio: 'pipe' } as const;
      return JSON.parse(
        execFileSync(join(ROOT, 'scripts/bin/fairlead-vendor'), [...argv, '--json'], options).toString(),
      );
    },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
  vendor.run('init', '--server', url, '--token-file', tokenFile);
  const change = openAndBuild(vendor, '0.1.0');
  for (const step of ['verify', 'release', 'rollout start']) vendor.run(...step.split(' '), change);
  addHistory(directory, releases);
  vendor.run('publish');
  return vendor;
}

/** Stages 1 and 2 of a small change to the first capability; answers its id. */
export function openAndBuild(vendor: VendorAtWork, version: string): string {
  const { change } = vendor.run('change', 'open', ...aboutOf(version)) as { change: { id: string } };
  vendor.run('build', `core/c0@${version}`, '--change', change.id, ...sourcesOf(vendor, version));
  return change.id;
}

export function aboutOf(version: string): readonly string[] {
  const about = { component: 'core/c0', version, revision: 'git:9f1c2ab', scope: 'a small change' };
  return Object.entries(about).flatMap(([name, value]) => [`--${name}`, value]);
}

/** The options that name what it is built from; writes the files. */
export function sourcesOf({ work }: VendorAtWork, version: string): readonly string[] {
  const [from, manifest] = [join(work, 'tree'), join(work, 'manifest.json')];
  mkdirSync(from, { recursive: true });
  writeFileSync(join(from, 'server.js'), `console.log('${version}');\n`);
  const health = [{ http: 'http://127.0.0.1:1/health' }];
  writeFileSync(
    manifest,
    JSON.stringify({ service: { driver: 'process', exec: ['node', 'server.js'] }, health }),
  );
  return ['--from', from, '--manifest', manifest];
}

async function addressOf(child: ChildProcess): Promise<string> {
  let said = '';
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const url = /listening on (http:\/\/\S+)/.exec(said)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the server ended by itself');
}

/** What the first change wrote, over and over under other names, signed once. */
function addHistory(directory: string, releases: number): void {
  const repository = join(directory, 'repository');
  const first = JSON.parse(readFileSync(join(directory, 'changes/CHG-1.json'), 'utf8')) as ChangeRecord;
  const newest = newestOf(join(repository, 'metadata'));
  const [releasePath = '', rolloutPath = ''] = Object.keys(entriesOf(newest));
  const read = (path: string) => {
    const entry = entriesOf(newest)[path] as { hashes: { sha256: string } };
    const file = join(repository, 'targets', dirname(path), `${entry.hashes.sha256}.${basename(path)}`);
    return readFileSync(file, 'utf8');
  };
  const documents = { [releasePath]: read(releasePath), [rolloutPath]: read(rolloutPath) };
  const entries: JsonObject[] = [entriesOf(newest)];
  const acts: (readonly [act: string, change: string])[] = [];
  for (let i = 0; i < releases; i++) {
    const [id, name, version] = [`CHG-${i + 2}`, `c${i % COMPONENTS}`, `1.${Math.floor(i / COMPONENTS)}.0`];
    const renamed = (text: string) =>
      text.replaceAll('CHG-1', id).replaceAll('"c0"', `"${name}"`).replaceAll('"0.1.0"', `"${version}"`);
    const release = renamed(documents[releasePath] ?? '');
    const digest = digestOf(utf8(release));
    const rollout = renamed(documents[rolloutPath] ?? '').replaceAll(first.release ?? '-', digest);
    const place = (path: string) => path.replace('/c0/', `/${name}/`).replace('0.1.0', version);
    for (const [path, text, kind] of [
      [place(releasePath), release, 'release'],
      [place(rolloutPath), rollout, 'rollout'],
    ] as const) {
      const file = join(repository, 'targets', targetName(path, digestOf(utf8(text))));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      const hashes = { sha256: hexOf(digestOf(utf8(text))) };
      const custom = { kind, name: `core/${name}`, version };
      entries.push({ [path]: { length: Buffer.byteLength(text), hashes, custom } });
    }
    const fields = { ...first, id, component: `core/${name}`, version: parseVersion(version) };
    const record = doneAs(first, fields, digest, place);
    writeFileSync(join(directory, 'changes', `${id}.json`), `${JSON.stringify(record, null, 2)}\n`);
    for (const act of [
      'change open',
      'build',
      'verify',
      'release',
      'rollout start',
      'change complete',
      'change complete',
    ])
      acts.push([act, id]);
  }
  appendActs(directory, acts);
  const targets = Object.fromEntries(
    entries.flatMap((one) => Object.entries(one)).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const next = draftNext('releases', newest.envelope.signed, newest.version + 1, Date.now(), targets);
  const keyPath = join(directory, 'keys/releases-1.json');
  const key = openKeyFile(JSON.parse(readFileSync(keyPath, 'utf8')), PASSPHRASE, keyPath);
  writeFileSync(
    join(repository, 'metadata', `${newest.version + 1}.releases.json`),
    signMetadata(next, [key]),
  );
}

function newestOf(metadata: string): MetadataFile {
  const versions = readdirSync(metadata).flatMap((name) =>
    Number(/^(\d+)\.releases\.json$/.exec(name)?.[1] ?? []),
  );
  return parseMetadata('releases', readFileSync(join(metadata, `${Math.max(...versions)}.releases.json`)));
}

/** The stages of the first change as those of another, and the two that end it. */
function doneAs(
  first: ChangeRecord,
  fields: ChangeRecord,
  release: ReturnType<typeof digestOf>,
  place: (path: string) => string,
): ChangeRecord {
  const { actor, at = '' } = first.stages.at(-1) ?? { actor: 'bench' };
  const counts = { committed: 1, rolledBack: 0, inProgress: 0, failed: 0 };
  const opened = openChange(fields, first.stages[0]?.at ?? at, actor);
  const stages = first.stages.slice(1).map(({ previous: _, ...stage }) => {
    const text = JSON.stringify({ ...stage, details: { ...stage.details, release } });
    return JSON.parse(place(text)) as StageInput;
  });
  const passed = { outcome: 'passed', at, actor } as const;
  const ends: readonly StageInput[] = [
    { stage: 'post-deploy', ...passed, details: { release, counts } },
    { stage: 'completion', ...passed, details: { release, returnsTo: null } },
  ];
  return [...stages, ...ends].reduce(transition, opened);
}

function appendActs(directory: string, acts: readonly (readonly [act: string, change: string])[]): void {
  const [file, headFile] = [join(directory, 'audit.jsonl'), join(directory, 'audit-head.json')];
  let head: typeof EMPTY_AUDIT = JSON.parse(readFileSync(headFile, 'utf8'));
  const lines = acts.map(([action, subject]) => {
    const details = { release: hexOf(digestOf(utf8(subject))), keys: '0123456789ab', version: '1' };
    const line = JSON.stringify({
      at: '2026-11-20T12:00:00Z',
      actor: 'bench@host',
      action,
      subject,
      details,
      previous: head.digest,
    });
    head = advanceHead(head, digestOf(utf8(line)));
    return `${line}\n`;
  });
  writeFileSync(file, readFileSync(file, 'utf8') + lines.join(''));
  writeFileSync(headFile, JSON.stringify(head));
}
