// What package managers wrote down in an image: read as they do, and what is not read is said.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesWanted, readPackages } from '../../../../server/vendor/core/sbom/image-packages.ts';

const files = (all: Readonly<Record<string, string | null>>) =>
  new Map(Object.entries(all).map(([path, text]) => [path, text === null ? null : Buffer.from(text)]));

/** As databases end, and as somebody who edits one may leave it. */
const END = '\n\n \n ';

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n';
const STATUS = `Package: libssl3
Status: install ok installed
Maintainer: Somebody <somebody@example.com>
Architecture: amd64
Multi-Arch: same
Source: openssl
Version: 3.0.11-1~deb12u2
Description: Secure Sockets Layer toolkit
 It goes on here.
 .
 Package: none, for it is text.

Package: g++-12
Status: install ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 1:12.2.0-14+deb12u1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: never
Status: unknown ok not-installed
`;
const INSTALLED = `C:Q1abc=
P:libcrypto3
V:3.1.4-r5
A:x86_64
L:Apache-2.0
o:openssl
F:lib
R:libcrypto.so.3

P:busybox
V:1.36.1-r15
A:x86_64
o:busybox
`;

describe('the packages of an image', () => {
  it('of Debian are those that are installed, with the source that advisories name', () => {
    const read = readPackages(files({ 'var/lib/dpkg/status': STATUS + END, 'etc/os-release': DEBIAN }));

    expect(read.packages.map(({ purl }) => purl)).toEqual([
      'pkg:deb/debian/g%2B%2B-12@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14',
      'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl',
    ]);
    expect(read).toMatchObject({ managers: ['dpkg'], unread: [] });
  });

  it('of a distribution made of it are named by its own name, and by Debian’s where nobody says', () => {
    const status = 'Package: bash\nVersion: 5.1\n';
    const purlsOf = (all: Readonly<Record<string, string>>) =>
      readPackages(files({ 'var/lib/dpkg/status': status, ...all })).packages.map(({ purl }) => purl);

    expect(
      purlsOf({ 'etc/os-release': 'ID=ubuntu\nVERSION_ID="22.04"\n', 'usr/lib/os-release': DEBIAN }),
    ).toEqual(['pkg:deb/ubuntu/bash@5.1?distro=ubuntu-22.04']);
    expect(purlsOf({ 'etc/os-release': 'ID=debian\n' })).toEqual(['pkg:deb/debian/bash@5.1?distro=debian']);
    expect(purlsOf({})).toEqual(['pkg:deb/debian/bash@5.1']);
  });

  it('of Debian count in every state in which their files are there', () => {
    const of = (state: string) => `Package: ${state}\nStatus: install ok ${state}\nVersion: 1\n`;
    const states = ['triggers-pending', 'triggers-awaited', 'half-configured', 'unpacked'];
    const status = [...states, 'config-files', 'not-installed'].map(of).join('\n');
    const read = readPackages(files({ 'var/lib/dpkg/status': status }));

    expect(read.packages.map(({ name }) => name)).toEqual(states.toSorted());
  });

  it('whose words no bill may hold are listed without them, or counted', () => {
    const odd = 'é'.repeat(300);
    const status = [
      `Package: a\nVersion: 1\nArchitecture: ${odd}\n`,
      `Package: b\nVersion: 1\nSource: ${odd}\n`,
    ];
    const left = '{"name":"left","version":"1.0.0","license":"\\ud800"}';
    const scope = JSON.stringify({ name: `@${'a'.repeat(5000)}/b`, version: '1.0.0' });
    const read = readPackages(
      files({
        'var/lib/dpkg/status': status.join('\n'),
        'node_modules/left/package.json': left,
        'node_modules/scope/package.json': scope,
      }),
    );

    expect(read.packages).toMatchObject([
      { purl: 'pkg:deb/debian/a@1' },
      { name: 'left', license: '\ufffd' },
    ]);
    expect(read.unread).toEqual(['2 entries that cannot be read']);
  });

  it('have addresses that a bill may hold, however long their words are', () => {
    const longest = '+'.repeat(254);
    const status = `Package: a${longest}\nVersion: ${longest}\nArchitecture: ${longest}\nSource: a${longest}${'+'.repeat(45)}\n`;
    const [one] = readPackages(files({ 'var/lib/dpkg/status': status })).packages;

    expect(`image:sha256:${'0'.repeat(64)}/${one?.purl}`.length).toBeLessThan(4096);
  });

  it('of a distroless image are in files of their own, without a state', () => {
    const read = readPackages(
      files({
        'usr/lib/os-release': DEBIAN,
        'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n',
        'var/lib/dpkg/status.d/tzdata.md5sums': 'Package: none',
      }),
    );

    expect(read.packages).toMatchObject([{ group: 'debian', name: 'tzdata', version: '2024a-0+deb12u1' }]);
  });

  it('of Alpine carry their licence and origin', () => {
    const release = 'ID=alpine\nVERSION_ID=3.18.4\n';
    const read = readPackages(files({ 'lib/apk/db/installed': INSTALLED + END, 'etc/os-release': release }));

    expect(read.packages).toEqual([
      {
        purl: 'pkg:apk/alpine/busybox@1.36.1-r15?arch=x86_64&distro=alpine-3.18.4',
        ...{ group: 'alpine', name: 'busybox', version: '1.36.1-r15' },
      },
      {
        purl: 'pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.18.4&upstream=openssl',
        ...{ group: 'alpine', name: 'libcrypto3', version: '3.1.4-r5', license: 'Apache-2.0' },
      },
    ]);
    expect(read).toMatchObject({ managers: ['apk'], unread: [] });
  });

  it('of npm are those installed, wherever they stand, each once', () => {
    const left = JSON.stringify({ name: 'left', version: '1.0.0', license: 'MIT' });
    const scoped = JSON.stringify({ name: '@acme/core', version: '2.0.1' });
    const read = readPackages(
      files({
        'app/node_modules/left/package.json': left,
        'app/node_modules/@acme/core/package.json': scoped,
        'app/node_modules/@acme/core/node_modules/left/package.json': left,
      }),
    );

    expect(read.packages.map(({ purl }) => purl)).toEqual([
      'pkg:npm/%40acme/core@2.0.1',
      'pkg:npm/left@1.0.0',
    ]);
  });

  it('of rpm are not read, and that is said', () => {
    const read = readPackages(files({ 'var/lib/rpm/rpmdb.sqlite': null }));

    expect(read.managers).toEqual([]);
    expect(read.unread).toEqual([expect.stringMatching(/rpm.* is not read/)]);
  });

  it('that cannot be read are counted, and nothing of them is taken over', () => {
    const read = readPackages(
      files({
        'var/lib/dpkg/status': 'Package: ../../x\nVersion: 1\n\nPackage: a\n\nPackage: b\nVersion: 1 2\n',
        'app/node_modules/x/package.json': '{"name":"x?y","version":"1"}',
        'app/node_modules/y/package.json': '{"name":{},"version":"1"}',
        'app/node_modules/z/package.json': 'null',
        'lib/apk/db/installed': null,
      }),
    );

    expect(read.packages).toEqual([]);
    expect(read.unread).toEqual([
      expect.stringContaining('lib/apk/db/installed'),
      '6 entries that cannot be read',
    ]);
  });

  it('are told of at most so many files that are not read', () => {
    const many = Array.from({ length: 9 }, (_, i) => [`node_modules/p${i}/package.json`, null] as const);

    expect(readPackages(files(Object.fromEntries(many))).unread).toHaveLength(6);
  });

  it('whatever the bytes are, are names and versions on one line each', () => {
    const field = fc.oneof(
      fc.constantFrom('Package: a', 'Version: 1', 'Status: install ok installed', 'P:a', 'V:1', ''),
      fc.string({ unit: 'binary' }),
    );
    const text = fc.array(field).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, text, (status, installed, release) => {
        const read = readPackages(
          files({
            'var/lib/dpkg/status': status,
            'lib/apk/db/installed': installed,
            'etc/os-release': release,
          }),
        );

        for (const one of read.packages) {
          expect(one.purl).toMatch(/^pkg:(?:deb|apk)\/[a-z0-9._-]+\/[\x21-\x7e]+$/);
          expect(`${one.name} ${one.version}`).toMatch(/^[\x21-\x7e]+ [\x21-\x7e]+$/);
        }
      }),
    );
  });
});

describe('of a path is wanted', () => {
  it.each([
    ['var/lib/dpkg/status', true],
    ['var/lib/dpkg/status-old', false],
    ['opt/chroot/var/lib/dpkg/status', false],
    ['lib/apk/db/installed', true],
    ['usr/lib/apk/db/installed', true],
    ['etc/os-release', true],
    ['srv/app/node_modules/a/package.json', true],
    ['srv/app/node_modules/@a/b/node_modules/c/package.json', true],
    ['srv/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json', true],
    ['srv/node_modules/.store/a@1.0.0-x/node_modules/a/package.json', true],
    ['srv/node_modules/.store/@s/a@1.0.0-x/node_modules/@s/a/node_modules/b/package.json', true],
    ['srv/node_modules/.store/a-npm-1.0.0-x/package/package.json', true],
    ['srv/app/package.json', false],
    ['node_modules/a/test/node_modules/fixture/package.json', false],
    ['node_modules/a/lib/package.json', false],
    ['node_modules/.store/a@1.0.0-x/node_modules/a/lib/package.json', false],
    [`${'node_modules/.store/@a/b/node_modules/'.repeat(100)}package.json`, false],
    [`${'node_modules/.store/@a/node_modules/'.repeat(100)}package.json`, false],
    [`${'node_modules/.store/a/node_modules/a/'.repeat(100)}x`, false],
    [`${'node_modules/a/'.repeat(100_000)}package.json`, false],
  ])('%.80s: %s', (path, isWanted) => {
    expect(bytesWanted(path) !== null).toBe(isWanted);
  });

  it.each([
    ['var/lib/dpkg/status.d/a', 32 * 2 ** 20],
    ['lib/apk/db/installed', 32 * 2 ** 20],
    ['node_modules/a/package.json', 2 ** 20],
    ['etc/os-release', 64 * 2 ** 10],
    ['usr/lib/sysimage/rpm/Packages.db', 0],
  ])('%s: so much', (path, bytes) => {
    expect(bytesWanted(path)).toBe(bytes);
  });
});
