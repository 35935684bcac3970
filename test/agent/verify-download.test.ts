// Files that came from anywhere, held against what a vendor released: at its server, and in a copy of its repository.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDirectorySource } from '../../agent/adapters/repository/directory-source.ts';
import type { DownloadQuestion } from '../../agent/cli/context.ts';
import { verifyDownload } from '../../agent/verify-download.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { refusedCode } from '../support/error-code.ts';
import { createVendor, type Vendor } from '../support/vendor.ts';

const COMPONENT = 'fairlead/downloads';
const DAY_MS = 86_400_000;
/** Never offered to an install. */
const SERVICE = { driver: 'command', start: ['false'], stop: ['true'], status: ['false'] };

let vendor: Vendor;
/** Random, so that its pack is larger than what is fetched of it at first. */
const packages = { '1.0.0': randomBytes(3 << 20), '1.1.0': randomBytes(1000) };

async function release(version: keyof typeof packages): Promise<void> {
  const [id, from] = [`change of ${version}`, `downloads-${version}`];
  await mkdir(join(vendor.directory, from, 'linux-x64'), { recursive: true });
  await writeFile(join(vendor.directory, from, 'linux-x64/fairlead.deb'), packages[version]);
  await writeFile(join(vendor.directory, from, 'linux-x64/fairlead.tar.gz'), `archive of ${version}`);
  const manifest = await vendor.write(`${from}.json`, { service: SERVICE, health: [{ exec: ['false'] }] });
  const words = ['--component', COMPONENT, '--version', version, '--revision', 'git:9f1c2ab', '--scope', id];
  const { change } = await vendor.json('change', 'open', ...words);
  const { id: number } = change as { id: string };
  const sources = ['--from', join(vendor.directory, from), '--manifest', manifest];
  await vendor.json('build', `${COMPONENT}@${version}`, '--change', number, ...sources);
  await vendor.json('verify', number);
  await vendor.json('release', number);
}

beforeAll(async () => {
  vendor = await createVendor();
  await release('1.0.0');
  await release('1.1.0');
  const about = ['--id', 'FL-2026-1', '--severity', 'high', '--title', 'a test'];
  const which = ['--affected', `${COMPONENT}:<1.1.0`, '--fixed', `${COMPONENT}@1.1.0`];
  await vendor.json('advisory', 'publish', ...about, ...which);
}, 120_000);
afterAll(() => vendor.close());

/** What somebody carries to a machine that reaches no server. */
async function carry(): Promise<string> {
  const medium = temporaryDirectory();
  for (const [path, bytes] of vendor.server.files) {
    await mkdir(dirname(join(medium, path)), { recursive: true });
    await writeFile(join(medium, path), bytes);
  }
  return medium;
}

async function download(content: string | Uint8Array): Promise<string> {
  const file = join(temporaryDirectory(), 'download');
  await writeFile(file, content);
  return file;
}

const question = (files: readonly string[], more: Partial<DownloadQuestion> = {}): DownloadQuestion => ({
  ...{ files, root: join(vendor.directory, 'workspace/repository/metadata/1.root.json') },
  ...{ from: vendor.server.url, component: COMPONENT, at: Date.now(), stateDir: '/nowhere' },
  ...more,
});

describe.each([
  ['the vendor’s server', async () => vendor.server.url],
  ['a copy of the repository', carry],
])('by %s', (_what, place) => {
  it('a file is known by what is in it, as whatever it was released and however it is called now', async () => {
    const [old, archive] = [await download(packages['1.0.0']), await download('archive of 1.1.0')];

    const { newest, files } = await verifyDownload(question([old, archive], { from: await place() }));

    expect(newest).toBe('1.1.0');
    expect(files).toMatchObject([
      { file: old, version: '1.0.0', path: 'linux-x64/fairlead.deb', advisories: ['FL-2026-1'] },
      { file: archive, version: '1.1.0', path: 'linux-x64/fairlead.tar.gz', advisories: [] },
    ]);
  });

  it('one file that was never released spoils the answer for all', async () => {
    const changed = Buffer.from(packages['1.0.0']);
    changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
    const files = [await download(packages['1.1.0']), await download(changed)];

    expect(await refusedCode(verifyDownload(question(files, { from: await place() })))).toBe(
      'trust/not-released',
    );
  });

  it.each<[string, Partial<DownloadQuestion>, string]>([
    ['another component', { component: 'core/auth' }, 'trust/not-released'],
    ['a time at which nothing is fresh any more', { at: Date.now() + 400 * DAY_MS }, 'trust/expired'],
    ['a root that is not there', { root: '/nowhere/root.json' }, 'file/missing'],
  ])('no file is taken for %s', async (_who, more, code) => {
    const asked = question([await download(packages['1.1.0'])], { from: await place(), ...more });

    expect(await refusedCode(verifyDownload(asked))).toBe(code);
  });
});

describe('a copy of the repository', () => {
  it('says what it said when it was made to whoever names that time', async () => {
    const [from, file] = [await carry(), await download(packages['1.1.0'])];

    const late = question([file], { from, at: Date.now() + 2 * DAY_MS });

    expect(await refusedCode(verifyDownload(late))).toBe('trust/expired');
    expect((await verifyDownload({ ...late, at: Date.now() })).files).toHaveLength(1);
  });

  it.each<[string, (pack: string) => Promise<unknown>, RegExp]>([
    ['lost a pack', (pack) => rm(pack), /^file\/missing$/],
    ['has half a pack', (pack) => writeFile(pack, 'FLPACK1\n'), /^tree\/pack-damaged$/],
    [
      'has a pack with another list of files',
      async (pack) => {
        const bytes = await readFile(pack);
        // Behind the head, whose length stands behind the magic.
        const list = 8 + 4 + bytes.readUInt32BE(8);
        bytes.writeUInt8((bytes[list + 20] ?? 0) ^ 255, list + 20);
        await writeFile(pack, bytes);
      },
      /^tree\//,
    ],
  ])('that %s is no proof', async (_what, spoil, code) => {
    const from = await carry();
    const packs = [...vendor.server.files.keys()].filter((path) => path.endsWith('.pack'));
    for (const path of packs) await spoil(join(from, path));

    const asked = question([await download(packages['1.1.0'])], { from });

    expect(await refusedCode(verifyDownload(asked))).toMatch(code);
  });

  it('names no file outside itself', async () => {
    const source = createDirectorySource(await carry());

    const climbing = ['../../etc/passwd', 'a/../../etc/passwd', './metadata'];
    for (const path of climbing) {
      expect(await refusedCode(source.document(path, null, 1000))).toBe('trust/misplaced');
    }
  });
});

it('nothing is believed of a repository under other people’s root', async () => {
  const others = await createVendor();
  const root = join(others.directory, 'workspace/repository/metadata/1.root.json');

  const asked = question([await download(packages['1.1.0'])], { root });

  expect(await refusedCode(verifyDownload(asked))).toMatch(/^trust\//);
  await others.close();
}, 60_000);
