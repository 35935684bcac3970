// A vendor at work in a test: a workspace in a temporary directory, a release server, the program run in this process.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createProgram, run } from '../../server/vendor/cli/program.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import { openKeyFile } from '../../shared/trust/keyfile.ts';
import { holdToAnswer } from './declared-answers.ts';
import { type ReleaseServer, startReleaseServer, TOKEN } from './release-server.ts';

export const PASSPHRASE = 'a passphrase for tests';

export interface Answer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface Vendor {
  readonly directory: string;
  readonly server: ReleaseServer;
  /** How far ahead of the real time the program believes to be. */
  readonly clock: { aheadMs: number };
  /** What the person at the terminal answers; null where there is neither. */
  readonly person: { says: boolean | null };
  /** Hears what a command prints beside its answer, while it runs. */
  readonly bystander: { hears(text: string): void };
  /** Runs one command and answers what it printed. */
  run(...argv: readonly string[]): Promise<Answer>;
  /** The same, which must succeed, with --json, and answer as the command declares. */
  json(...argv: readonly string[]): Promise<Record<string, unknown>>;
  /** The code of the refusal, which must come. */
  refusal(...argv: readonly string[]): Promise<string>;
  write(path: string, content: string | object): Promise<string>;
  read(path: string): Promise<string>;
  /** Stages 1 to 4 of a small capability; answers the change's id. */
  release(text: string, more?: object): Promise<string>;
  close(): Promise<void>;
}

export async function createVendor(...initOptions: readonly string[]): Promise<Vendor> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-vendor-'));
  const server = await startReleaseServer();
  const vendor = createBench(directory, server);
  await vendor.write('publisher.token', `${TOKEN}\n`);
  await vendor.json(
    'init',
    '--server',
    server.url,
    '--token-file',
    join(directory, 'publisher.token'),
    ...initOptions,
  );
  return vendor;
}

/** The same bench without a workspace yet. */
export function createBench(directory: string, server: ReleaseServer): Vendor {
  const clock = { aheadMs: 0 };
  const person: Vendor['person'] = { says: null };
  const bystander: Vendor['bystander'] = { hears: () => undefined };
  const env = {
    ...{ FAIRLEAD_VENDOR_DIR: join(directory, 'workspace'), FAIRLEAD_PASSPHRASE: PASSPHRASE },
    DOCKER_CONFIG: join(directory, 'docker'),
  };
  const nowhere = { write: () => true };
  const surroundings = {
    ...{ stdout: nowhere, stderr: nowhere, env, isTerminal: false, openKey },
    confirm: async () => person.says === true,
    now: () => Date.now() + clock.aheadMs,
  };
  const program = createProgram(surroundings, () => undefined);
  const vendor: Vendor = {
    directory,
    server,
    ...{ clock, person, bystander },
    run: async (...argv) => {
      const printed = { out: '', err: '' };
      const stdout = { write: (text: string) => (printed.out += text) };
      const stderr = {
        write: (text: string) => {
          printed.err += text;
          bystander.hears(text);
        },
      };
      const status = await run(argv, {
        ...{ ...surroundings, stdout, stderr, isTerminal: person.says !== null },
      });
      return { status, ...printed };
    },
    json: async (...argv) => {
      const answer = await vendor.run(...argv, '--json');
      if (answer.status !== 0)
        throw new Error(`${argv.join(' ')} ended with ${answer.status}: ${answer.err}`);
      const document = JSON.parse(answer.out);
      await holdToAnswer(program, argv, document);
      return document;
    },
    refusal: async (...argv) => {
      const { status, out } = await vendor.run(...argv, '--json');
      if (status === 0) throw new Error(`${argv.join(' ')} was not refused: ${out}`);
      return JSON.parse(out).error.code;
    },
    write: async (path, content) => {
      const file = join(directory, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
      return file;
    },
    read: (path) => readFile(join(directory, path), 'utf8'),
    release: async (text, more = {}) => {
      const id = await openAndBuild(vendor, text, more);
      await vendor.json('verify', id);
      await vendor.json('release', id);
      return id;
    },
    close: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return vendor;
}

/** Stages 1 and 2. */
export async function openAndBuild(vendor: Vendor, text: string, more: object = {}): Promise<string> {
  const [component = '', version = ''] = text.split('@');
  const about = [
    '--component',
    component,
    '--version',
    version,
    '--revision',
    'git:9f1c2ab',
    '--scope',
    'a test',
  ];
  const opened = await vendor.json('change', 'open', ...about);
  const id = (opened.change as { id: string }).id;
  await vendor.json('build', text, '--change', id, ...(await sourcesOf(vendor, text, more)));
  return id;
}

/** The options that name what a release is built from; writes the files. */
export async function sourcesOf(vendor: Vendor, text: string, more: object = {}): Promise<readonly string[]> {
  const name = text.replace(/[/@]/g, '-');
  if (!text.includes('/')) return ['--from', await vendor.write(`${name}.json`, more)];
  await vendor.write(`${name}/server.js`, `console.log('${text}');\n`);
  const manifest = {
    service: { driver: 'process', exec: ['node', 'server.js'] },
    health: [{ http: 'http://127.0.0.1:1/health' }],
    ...more,
  };
  const file = await vendor.write(`${name}.json`, manifest);
  return ['--from', join(vendor.directory, name), '--manifest', file];
}

const opened = new Map<string, SigningKey>();

/** Opens each key file once: the passphrase's cost is real, and tests sign often. */
const openKey: typeof openKeyFile = (file, passphrase, path) => {
  const id = `${passphrase} ${JSON.stringify(file)}`;
  const key = opened.get(id) ?? openKeyFile(file, passphrase, path);
  opened.set(id, key);
  return key;
};
