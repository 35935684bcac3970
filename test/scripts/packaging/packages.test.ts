// Packages: the same bytes from every machine, what they hold, and how an archive puts itself in place or refuses to.
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeArchive } from '../../../scripts/packaging/archive.ts';
import { debianVersion, makeDeb } from '../../../scripts/packaging/deb.ts';
import type { Packing } from '../../../scripts/packaging/packages.ts';
import { HOST, MACHINES, PROGRAMS, TARGETS, type Target } from '../../../scripts/packaging/programs.ts';
import { readRelease } from '../../../scripts/packaging/release.ts';
import { temporaryDirectory } from '../../support/directories.ts';

const CHECKOUT = new URL('../../..', import.meta.url).pathname;
const [AGENT] = PROGRAMS;
const OTHER = TARGETS.find((target) => target !== HOST) ?? HOST;
const isRoot = process.getuid?.() === 0;
const hasDpkg = spawnSync('dpkg-deb', ['--version']).status === 0;
const canMount = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;

const forAll = mkdtempSync(join(tmpdir(), 'fairlead-packages-'));
afterAll(() => rmSync(forAll, { recursive: true }));

/** A program that says which it is, and writes down what else it is asked to do. */
function standIn(directory: string, version: string): string {
  const path = join(directory, 'stand-in');
  const asked = join(forAll, 'asked');
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "$@" >> ${asked}\n`);
  // A line for the compressor to cut into blocks of its own.
  appendFileSync(path, `# ${'filling '.repeat(20_000)}\n`);
  return path;
}

async function packing(version = '1.2.3', target: Target = HOST, program = AGENT): Promise<Packing> {
  if (program === undefined) throw new Error('there are three');
  const directory = mkdtempSync(join(forAll, 'packing-'));
  const release = await readRelease(CHECKOUT, program.name, { SOURCE_DATE_EPOCH: '1790000000' });
  return {
    ...{ ...release, program, target, version, executable: standIn(directory, version) },
    ...{ licenses: 'node: MIT\n', out: join(directory, 'out'), work: join(directory, 'work') },
  };
}

/** Of two people on two machines: other places, another mask, other times. */
async function twice(make: (packing: Packing) => Promise<string>): Promise<readonly Buffer[]> {
  const first = readFileSync(await make(await packing()));
  const mask = process.umask(0o077);
  try {
    return [first, readFileSync(await make(await packing()))];
  } finally {
    process.umask(mask);
  }
}

describe.skipIf(!hasDpkg)('a package for Debian', () => {
  it('has the same bytes wherever it is made', async () => {
    const [first, second] = await twice(makeDeb);

    expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  });

  it.each(PROGRAMS.map((program) => [program.name, program] as const))(
    'is made of %s for each machine, belongs to root, and writes nothing into /etc',
    async (name, program) => {
      for (const target of TARGETS) {
        const path = await makeDeb(await packing('1.2.3', target, program));
        const field = (key: string) =>
          spawnSync('dpkg-deb', ['--field', path, key], { encoding: 'utf8' }).stdout.trim();
        const listed = spawnSync('dpkg-deb', ['--contents', path], { encoding: 'utf8' }).stdout;

        expect(basename(path)).toBe(`${name}_1.2.3_${MACHINES[target].debian}.deb`);
        expect([field('Package'), field('Version'), field('Architecture')]).toEqual([
          ...[name, '1.2.3', MACHINES[target].debian],
        ]);
        expect(listed).toMatch(new RegExp(`^-rwxr-xr-x root/root +\\d+ \\S+ \\S+ \\./usr/bin/${name}$`, 'm'));
        const strange = listed
          .trim()
          .split('\n')
          .filter(
            (line) => !/^(?:drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) root\/root .* \.\/(?:usr\/.*)?$/.test(line),
          );
        expect(strange).toEqual([]);
      }
    },
  );

  it('says nothing wrong to whoever asks for its manual', async ({ skip }) => {
    for (const program of PROGRAMS) {
      const { manual } = await packing('1.2.3', HOST, program);
      const page = join(temporaryDirectory(), 'page.1');
      writeFileSync(page, manual);
      const man = spawnSync('man', ['--warnings', '--local-file', page], { encoding: 'utf8' });
      if (man.error !== undefined) skip('needs man(1)');

      expect([program.name, man.stderr]).toEqual([program.name, '']);
      expect(man.stdout.replaceAll(/\s+/g, ' ')).toContain(`NAME ${program.name} - `);
    }
  });

  it.each([
    ['1.0.0-rc.1', 'lt', '1.0.0'],
    ['1.0.0-rc.2', 'lt', '1.0.0-rc.10'],
    ['1.0.0-alpha', 'lt', '1.0.0-beta.1'],
    ['1.0.0-beta', 'lt', '1.0.0-beta.1'],
    ['1.0.0-x-y', 'lt', '1.0.0'],
    ['1.9.0', 'lt', '1.10.0'],
  ])('orders versions as they are meant: %s %s %s', (one, relation, other) => {
    const words = ['--compare-versions', debianVersion(one), relation, debianVersion(other)];
    expect(spawnSync('dpkg', words).status).toBe(0);
  });
});

describe('an archive', () => {
  it('has the same bytes wherever it is made', async () => {
    const [first, second] = await twice(makeArchive);

    expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  });
});

describe.skipIf(!isRoot)('install.sh', () => {
  const archives = new Map<string, string>();
  let prefix = '';
  const target = () => join(prefix, 'bin/fairlead');

  beforeAll(async () => {
    const made = [
      ['new', await packing('1.10.0')],
      ['old', await packing('1.9.0')],
      ['candidate', await packing('1.10.0-rc.1')],
      ['foreign', await packing('1.10.0', OTHER)],
    ] as const;
    for (const [name, one] of made) archives.set(name, await makeArchive(one));
  });

  /** Where an archive lies unpacked. */
  function unpack(name: string): string {
    const directory = temporaryDirectory();
    const words = ['--extract', '--gzip', '--strip-components=1', `--directory=${directory}`];
    const { status } = spawnSync('tar', [...words, `--file=${archives.get(name)}`]);
    expect(status).toBe(0);
    return directory;
  }

  function run(directory: string, ...words: readonly string[]) {
    if (prefix === '') prefix = temporaryDirectory();
    const argv = [join(directory, 'install.sh'), '--prefix', prefix, ...words];
    const { status, stdout, stderr } = spawnSync('sh', argv, { encoding: 'utf8' });
    return { status, stdout, stderr };
  }

  const versionThere = () => spawnSync(target(), ['--version'], { encoding: 'utf8' }).stdout.trim();

  it('puts the program in place with its licenses, says what to type next, and may be repeated', () => {
    prefix = temporaryDirectory();
    const directory = unpack('new');

    const first = run(directory);
    const second = run(directory);

    expect(first.stdout).toBe(
      `${target()} is fairlead 1.10.0\nnext: fairlead agent install --enroll-file FILE\n`,
    );
    expect(second).toEqual(first);
    expect(statSync(target()).mode & 0o7777).toBe(0o755);
    expect(statSync(target()).uid).toBe(0);
    expect(existsSync(join(prefix, 'share/doc/fairlead/THIRD-PARTY-LICENSES'))).toBe(true);
    expect(existsSync(`${target()}.part`)).toBe(false);
  });

  it.each<[string, string, (directory: string) => void, RegExp]>([
    [
      'a program that was copied by half',
      'new',
      (at) => truncateSync(join(at, 'fairlead'), 1000),
      /not what was released/,
    ],
    [
      'a program that somebody changed',
      'new',
      (at) => appendFileSync(join(at, 'fairlead'), ' '),
      /not what was released/,
    ],
    [
      'a list of sums that was cut off',
      'new',
      (at) => writeFileSync(join(at, 'SHA256SUMS'), ''),
      /does not list/,
    ],
    ['a program that is missing', 'new', (at) => rmSync(join(at, 'fairlead')), /is missing/],
    ['licenses that are missing', 'new', (at) => rmSync(join(at, 'THIRD-PARTY-LICENSES')), /is missing/],
    ['a program for another machine', 'foreign', () => undefined, /the machine is/],
    ['a version before the one that is there', 'old', () => undefined, /newer than 1\.9\.0/],
    ['a candidate of the one that is there', 'candidate', () => undefined, /newer than 1\.10\.0-rc\.1/],
  ])('refuses %s, and leaves what is there', (_what, name, spoil, problem) => {
    prefix = temporaryDirectory();
    run(unpack('new'));
    const directory = unpack(name);
    spoil(directory);

    const { status, stderr } = run(directory);

    expect(status).toBe(1);
    expect(stderr).toMatch(problem);
    expect(stderr).toMatch(/\n {2}hint: /);
    expect(versionThere()).toBe('1.10.0');
    expect(existsSync(`${target()}.part`)).toBe(false);
  });

  it('refuses to run as somebody else than root', () => {
    const directory = unpack('new');
    const words = [
      '--reuid=65534',
      '--clear-groups',
      'sh',
      '-c',
      readFileSync(join(directory, 'install.sh'), 'utf8'),
    ];

    const { status, stderr } = spawnSync('setpriv', words, { encoding: 'utf8', cwd: '/' });

    expect([status, stderr.split('\n')[1]]).toEqual([1, '  hint: run it as root: sudo sh install.sh']);
  });

  it('goes back to an earlier version when it is told to', () => {
    prefix = temporaryDirectory();
    run(unpack('new'));

    expect(run(unpack('old'), '--downgrade').status).toBe(0);
    expect(versionThere()).toBe('1.9.0');
  });

  it('takes the place of a program that runs, which goes on', () => {
    prefix = temporaryDirectory();
    mkdirSync(join(prefix, 'bin'));
    copyFileSync('/bin/sleep', target());
    const running = spawn(target(), ['1000'], { stdio: 'ignore' });

    const { status } = run(unpack('new'), '--downgrade');
    const place = readlinkSync(`/proc/${running.pid}/exe`);
    running.kill('SIGKILL');

    expect([status, versionThere()]).toEqual([0, '1.10.0']);
    expect(place).toBe(`${target()} (deleted)`);
  });

  it.skipIf(!canMount)('says that a disk is full, and leaves what is there', () => {
    prefix = temporaryDirectory();
    const [old, directory] = [unpack('old'), unpack('new')];
    const script = `mount -t tmpfs -o size=240k tmpfs ${prefix} && sh ${old}/install.sh --prefix ${prefix} &&
      sh ${directory}/install.sh --prefix ${prefix}; ls ${prefix}/bin; ${target()} --version`;

    const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' });

    expect(stderr).toContain(`error: ${prefix}/bin takes no file of this size`);
    expect(stdout.split('\n').slice(-3)).toEqual(['fairlead', '1.9.0', '']);
  });

  it('removes what it made, twice as well as once', () => {
    prefix = temporaryDirectory();
    const directory = unpack('new');
    run(directory);

    const [first, second] = [run(directory, '--uninstall'), run(directory, '--uninstall')];

    expect([first.status, second.status]).toEqual([0, 0]);
    expect(existsSync(target())).toBe(false);
    expect(existsSync(join(prefix, 'share/doc'))).toBe(false);
  });

  it.each([['--force'], ['--prefix'], ['--prefix', 'here']])('refuses %s %s', (...words) => {
    const { status } = spawnSync('sh', [join(unpack('new'), 'install.sh'), ...words]);
    expect(status).not.toBe(0);
  });
});
