// Images that a build takes along: laid out in the tree, bound to what the compose file calls them, the same files each time.
import { existsSync, writeFileSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Digest, digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { readPackIndex } from '../../../../shared/node/pack-reader.ts';
import { packPath } from '../../../../shared/protocol/publication.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import type { TreeIndex } from '../../../../shared/tree/tree-index.ts';
import { tarOf } from '../../../support/image-archive.ts';
import { imageOf, newDocker, oci, oldDocker } from '../../../support/image-forms.ts';
import { PASSWORD, registryMissing, startRegistry, USER } from '../../../support/registry.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

const BASE = 'the base of all images';
const WEB = imageOf([BASE, 'web 1']);
const WEB_2 = imageOf([BASE, 'web 2']);
const DB = imageOf([BASE, 'db']);
const ARM = imageOf([BASE, 'arm'], { architecture: 'arm64' });
const COMPOSE = {
  services: { web: { image: 'registry.example.com/web:1' }, db: { image: 'db', profiles: ['local'] } },
};
const MANIFEST = {
  service: { driver: 'compose', file: 'compose.yaml' },
  health: [{ tcp: '127.0.0.1:1' }],
};

const textOf = (files: Readonly<Record<string, string>>) =>
  tarOf(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])).toString('latin1');
const DEBIAN = textOf({
  'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
  'var/lib/dpkg/status':
    'Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.11-1~deb12u2\n',
});
const RPM = textOf({ 'var/lib/rpm/rpmdb.sqlite': 'SQLite' });

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
  await vendor.write('auth/compose.yaml', COMPOSE);
  await vendor.write('auth.json', MANIFEST);
  writeFileSync(join(vendor.directory, 'auth', 'web.tar'), tarOf(newDocker(WEB)));
  writeFileSync(join(vendor.directory, 'db.tar'), tarOf(oci(DB)));
});
afterAll(() => vendor.close());

const at = (path: string) => join(vendor.directory, path);
const sources = () => ['--from', at('auth'), '--manifest', at('auth.json')];
const web = (file = 'auth/web.tar') => ['--image', `registry.example.com/web:1=${at(file)}`];
const db = () => ['--image', `db=${at('db.tar')}`];

async function openChange(version: string): Promise<string> {
  const about = [
    '--component',
    'core/auth',
    '--version',
    version,
    '--revision',
    'git:1',
    '--scope',
    'images',
  ];
  return ((await vendor.json('change', 'open', ...about)).change as { id: string }).id;
}

async function build(version: string, ...options: string[]) {
  const id = await openChange(version);
  await vendor.json('build', `core/auth@${version}`, '--change', id, ...sources(), ...options);
  const document = JSON.parse(await vendor.read(`workspace/builds/${id}.json`));
  const pack = await open(at(`workspace/${packPath(hexOf(document.tree.digest))}`));
  const index: TreeIndex = await readPackIndex(pack, document.tree.digest);
  await pack.close();
  const files = new Map(
    index.entries.map((entry) => [entry.path, entry.kind === 'file' ? entry.digest : null]),
  );
  return { id, document, files };
}

describe('a build with images', () => {
  it('ships each as files of its own, under the names of the compose file', async () => {
    const { id, document, files } = await build('1.0.0', ...web(), ...db());
    await vendor.json('verify', id);

    expect(document.service.images).toEqual([
      { layout: 'images', digest: digestOf(WEB.config), name: 'registry.example.com/web:1' },
      { layout: 'images', digest: digestOf(DB.config), name: 'db' },
    ]);
    const blobs = [WEB.config, ...WEB.layers, DB.config, ...DB.layers].map((bytes) => digestOf(bytes));
    for (const digest of blobs) expect(files.get(`images/${blobPath(digest)}`)).toBe(digest);
    // The base once, and no archive besides.
    expect([...files.keys()].toSorted()).toEqual(
      [
        ...['compose.yaml', 'images/index.json', 'images/oci-layout'],
        ...new Set(blobs.map((digest) => `images/${blobPath(digest as Digest)}`)),
      ].toSorted(),
    );
    expect(await readdir(at('workspace/builds'))).not.toContain('.images');
  });

  it('leaves a layer that is what it was the same file, and gives the same tree from another form', async () => {
    writeFileSync(at('web2.tar'), tarOf(newDocker(WEB_2)));
    writeFileSync(at('web2-old.tar'), tarOf(oldDocker(WEB_2, ['whatever:3'])));
    const before = await build('1.0.1', ...web(), ...db());
    const after = await build('1.0.2', ...web('web2.tar'), ...db());
    const again = await build('1.0.3', ...web('web2-old.tar'), ...db());

    expect(again.document.tree).toEqual(after.document.tree);
    const shipped = new Set(before.files.values());
    const news = [...after.files].filter(([, digest]) => !shipped.has(digest)).map(([path]) => path);
    const changed = [WEB_2.config, ...WEB_2.layers.slice(1)].map(
      (one) => `images/${blobPath(digestOf(one))}`,
    );
    // What was taken apart before lies in the tree, and is shipped like any file of it.
    expect(news.toSorted()).toEqual([...changed, 'images/index.json', 'web.tar'].toSorted());
  });

  it.each([
    ['taken apart', ['--image', 'db=packed.tar']],
    ['shipped as an archive', []],
  ])('lists the packages inside of an image that is %s, and says what is not known', async (_, options) => {
    const packed = imageOf([DEBIAN, RPM]);
    const archive = tarOf(newDocker(packed));
    const isWhole = options.length === 0;
    const images = isWhole ? [{ archive: 'packed.tar', digest: digestOf(packed.config), name: 'db' }] : [];
    await vendor.write(`inside-${isWhole}/compose.yaml`, { services: { db: { image: 'db' } } });
    await vendor.write(`inside-${isWhole}.json`, { ...MANIFEST, service: { ...MANIFEST.service, images } });
    writeFileSync(at(isWhole ? 'inside-true/packed.tar' : 'packed.tar'), archive);
    const version = isWhole ? '1.0.6' : '1.0.5';
    const id = await openChange(version);
    const given = options.map((one) => one.replace('packed.tar', at('packed.tar')));
    const from = ['--from', at(`inside-${isWhole}`), '--manifest', at(`inside-${isWhole}.json`)];

    const answer = await vendor.run('build', `core/auth@${version}`, '--change', id, ...from, ...given);

    expect(answer.status, answer.err).toBe(0);
    const bill = JSON.parse(await vendor.read(`workspace/builds/${id}.cdx.json`));
    expect(bill.components[0].components.map(({ purl }: { purl: string }) => purl)).toEqual([
      'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl',
    ]);
    expect(answer.err).toMatch(/does not say what is inside of "db": .*rpm.* is not read/);
    expect(await readdir(at('workspace/builds'))).not.toContain('.images');
  });

  it('is affected by an advisory about a package inside of it, by what was signed', async () => {
    await release('1.0.7', DEBIAN);
    const record = (...events: object[]) => {
      const openssl = { package: { ecosystem: 'Debian:12', name: 'openssl' } };
      const affected = [{ ...openssl, ranges: [{ type: 'ECOSYSTEM', events }] }];
      return { id: 'DEBIAN-CVE-2026-1', summary: 'A hole', affected };
    };
    const fixed = { fixed: '3.0.13-1~deb12u1' };
    const file = await vendor.write('hole.json', record({ introduced: '0' }, fixed));
    const other = await vendor.write('other.json', record({ introduced: '3.0.14' }));
    const importIt = (from: string) => vendor.run('advisory', 'import', from, '--severity', 'high');

    const first = await vendor.json('advisory', 'import', file, '--severity', 'high');
    await release('1.0.8', DEBIAN.replace('3.0.11-1~deb12u2', '3.0.13-1~deb12u1'));
    await release('1.0.9', DEBIAN, RPM);
    await vendor.write('packed/node_modules/stray/package.json', { name: 'stray', version: '1.0.0' });
    await release('1.0.10', DEBIAN.replace('3.0.11-1~deb12u2', '3.0.13-1~deb12u1'));
    const before = await importIt(file);
    await vendor.json('rollout', 'start', 'core/auth@1.0.8');
    const after = await vendor.json('advisory', 'import', file, '--severity', 'high');

    const affected = [{ component: 'core/auth', versions: '1.0.7' }];
    expect(first.advisory).toMatchObject({ id: 'DEBIAN-CVE-2026-1', affected, fixed: [] });
    expect(before.err).toMatch(/offered to nobody.*core\/auth@1.0.8; give --fixed/);
    expect(after.advisory).toMatchObject({
      affected: [{ component: 'core/auth', versions: '1.0.7 || >=1.0.9 <=1.0.10' }],
      fixed: [{ component: 'core/auth', version: '1.0.8' }],
    });
    // Of the last ones something is not known: a package of rpm, one beside the image that no lockfile lists.
    expect((await importIt(other)).err).toMatch(
      /Debian:12:openssl, and no release has it inside \(of 2 releases not all is known\)/,
    );
  });

  async function release(version: string, ...layers: string[]) {
    await vendor.write('packed/compose.yaml', { services: { db: { image: 'db' } } });
    writeFileSync(at('packed.tar'), tarOf(newDocker(imageOf(layers))));
    const id = await openChange(version);
    const from = ['--from', at('packed'), '--manifest', at('auth.json'), '--image', `db=${at('packed.tar')}`];
    await vendor.json('build', `core/auth@${version}`, '--change', id, ...from);
    await vendor.json('verify', id);
    await vendor.json('release', id);
  }

  it('builds the same again, and says so', async () => {
    const id = await openChange('1.0.4');
    const options = ['--change', id, ...sources(), ...web(), ...db(), '--reproduce', 'true'];
    const answer = await vendor.run('build', 'core/auth@1.0.4', ...options);

    expect([answer.status, answer.out]).toEqual([0, expect.stringContaining('reproduced')]);
  });

  it.each<[string, () => string[], string, RegExp]>([
    ['an image that its compose file runs and nobody brings', () => web(), 'vendor/manifest-wrong', /"db"/],
    [
      'one name twice',
      () => [...web(), ...db(), ...db()],
      'vendor/manifest-wrong',
      /one image under each name/,
    ],
    ['an archive that is none', () => web('auth.json'), 'vendor/image-refused', /no tar archive/],
    ['an archive that is not there', () => web('nowhere.tar'), 'vendor/image-refused', /no such file/],
  ])('refuses %s', async (_, options, code, problem) => {
    const answer = await vendor.run('lint', ...sources(), ...options());

    expect(await vendor.refusal('lint', ...sources(), ...options())).toBe(code);
    expect(answer.err).toMatch(problem);
  });

  it('refuses an image for other machines than it is built for, and says how to build for those', async () => {
    writeFileSync(at('arm.tar'), tarOf(oci(ARM)));
    const own = ['--image', `db=${at('arm.tar')}`];
    const answer = await vendor.run('lint', ...sources(), ...own);
    const refusal = 'the image "db" cannot be taken from .*: it is for linux/arm64, and not for linux/amd64';

    expect(answer.err).toMatch(new RegExp(refusal));
    expect(answer.err).toContain('--platform');
    // The other one, now.
    expect(
      (await vendor.run('lint', ...sources(), ...own, ...web(), '--platform', 'linux/arm64')).err,
    ).toMatch(/"registry.example.com\/web:1" .*it is for linux\/amd64, and not for linux\/arm64/);
  });

  it('refuses images of which no machine runs all', async () => {
    writeFileSync(at('auth/arm.tar'), tarOf(newDocker(ARM)));
    const images = [{ archive: 'arm.tar', digest: digestOf(ARM.config), name: 'db' }];
    await vendor.write('mixed.json', { ...MANIFEST, service: { ...MANIFEST.service, images } });
    const manifest = ['--from', at('auth'), '--manifest', at('mixed.json')];

    const answer = await vendor.run('lint', ...manifest, ...web());

    expect(answer.err).toContain('"registry.example.com/web:1" for linux/amd64, beside "db" for linux/arm64');
  });

  it('refuses images for what runs none', async () => {
    await vendor.write('program.json', { service: { driver: 'process', exec: ['node', 'x.js'] } });

    const answer = await vendor.run('lint', '--from', at('auth'), '--manifest', at('program.json'), ...web());

    expect(answer.err).toContain('compose');
    expect(await vendor.refusal('lint', '--from', at('auth.json'), '--kind', 'suite', ...web())).toBe(
      'vendor/option-invalid',
    );
  });

  it('holds an archive that is shipped whole to the image that the manifest says', async () => {
    const images = (digest: string) => [{ archive: 'web.tar', digest }];
    const service = { ...MANIFEST.service, images: images(digestOf(DB.config)) };
    await vendor.write('whole.json', { ...MANIFEST, service });
    await vendor.write('whole/compose.yaml', { services: { web: { image: digestOf(DB.config) } } });
    writeFileSync(at('whole/web.tar'), tarOf(newDocker(WEB)));
    const options = ['--from', at('whole'), '--manifest', at('whole.json')];

    const answer = await vendor.run('lint', ...options);

    expect(answer.err).toContain(`which holds ${digestOf(WEB.config)}`);
  });

  it('says what there is none of', async () => {
    const answer = await vendor.run('lint', ...sources(), '--image', 'db=127.0.0.1:1/nowhere', ...web());

    expect(answer.err).toContain('127.0.0.1:1 cannot be reached');
    expect(answer.err).toContain('docker login');
  });

  it.skipIf(registryMissing !== null)(
    'takes one from its registry, and the same from an archive',
    async () => {
      const registry = await startRegistry();
      onTestFinished(() => registry.stop());
      await registry.push('shop/db', '15', DB);
      const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
      const ref = `${registry.host}/shop/db:15`;

      const refused = await vendor.run('lint', ...sources(), ...web(), '--image', `db=${ref}`);
      await vendor.write('docker/config.json', { auths: { [registry.host]: { auth } } });
      const { document } = await build('1.1.0', ...web(), '--image', `db=${ref}`);

      const named = await build('1.1.2', ...web(), '--image', `db=${ref}`, '--no-embed');

      const digest = /sha256:[0-9a-f]{64}/.exec(named.document.service.images[1].ref)?.[0];
      expect(named.document.service.images[1]).toEqual({
        ref: `${registry.host}/shop/db@${digest}`,
        name: 'db',
      });
      expect(named.files.has(`images/${blobPath(digestOf(DB.config))}`)).toBe(false);
      expect(refused.err).toContain('asks for a login');
      expect(document.tree).toEqual((await build('1.1.1', ...web(), ...db())).document.tree);
    },
  );

  it('is not made by lint, which leaves nothing behind', async () => {
    await vendor.json('lint', ...sources(), ...web(), ...db());

    expect(existsSync(at('auth/images'))).toBe(false);
  });
});
