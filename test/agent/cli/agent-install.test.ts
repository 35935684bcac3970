// From a bare machine to a service that answers, and back, by the commands that an administrator types.
import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_UNIT } from '../../../agent/adapters/machine/agent-unit.ts';
import { verifyOnlyRootWrites, verifyPrivate } from '../../../shared/node/service/safe-path.ts';
import { createPrograms } from '../../docs/pages/programs.ts';
import { describeBooted } from '../../support/booted.ts';
import { holdToAnswer } from '../../support/declared-answers.ts';
import { type EnrolmentServer, startEnrolmentServer } from '../../support/enrolment-server.ts';
import { ownByRoot } from '../../support/owned-by-root.ts';

const CLI = new URL('../../../agent/cli/main.ts', import.meta.url).pathname;
const STATE = '/var/lib/fairlead';
const SOCKET = '/run/fairlead/agent.sock';
const UNIT_FILE = `/etc/systemd/system/${AGENT_UNIT}`;
const MADE = [
  '/etc/sysusers.d/fairlead.conf',
  '/usr/local/share/bash-completion/completions/fairlead',
  '/etc/update-motd.d/60-fairlead',
  UNIT_FILE,
];

const [program] = createPrograms();

async function type(...argv: readonly string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...argv, '--json']);
  const answer = JSON.parse(stdout);
  if (program !== undefined) await holdToAnswer(program, argv, answer);
  return answer;
}

/** The same, whatever its exit status. */
async function outcome(...argv: readonly string[]) {
  return await type(...argv).catch((error: { stdout: string }) => JSON.parse(error.stdout));
}

async function refusal(...argv: readonly string[]) {
  return (await outcome(...argv)).error;
}

/** Names of files and what they are, wherever an installation might leave something. */
function inventory(): readonly string[] {
  return ['/etc', '/usr/local', '/run', '/var/lib']
    .flatMap((top) => readdirSync(top, { recursive: true, encoding: 'utf8' }).map((name) => join(top, name)))
    .filter(
      (path) =>
        !/^\/run\/(?:systemd|log|user)|\/(?:group|gshadow)-?$|\/\.pwd\.lock$|^\/var\/lib\/systemd/.test(path),
    );
}

describeBooted('the agent on a bare machine', import.meta.filename, () => {
  let before: readonly string[];
  let vendor: EnrolmentServer;

  beforeAll(async () => {
    mkdirSync('/etc/update-motd.d', { recursive: true });
    for (const path of [CLI, process.execPath]) ownByRoot(path);
    before = inventory();
  });
  afterAll(() => void spawnSync('systemctl', ['stop', AGENT_UNIT]));

  it('is shown whole before anything is done', async () => {
    const { wouldDo } = await type('agent', 'install', '--dry-run');

    expect(wouldDo.flatMap(({ path }: { path?: string }) => path ?? [])).toEqual(MADE);
    expect(wouldDo).toContainEqual({ kind: 'run', argv: ['systemctl', 'enable', AGENT_UNIT] });
    expect(inventory()).toEqual(before);
  });

  it('is refused without the vendor’s string, and nothing is left of the attempt', async () => {
    expect(await refusal('agent', 'install')).toMatchObject({ code: 'enrolment/missing' });
    expect(inventory()).toEqual(before);
  });

  it('is not installed again where it was not', async () => {
    expect(await type('agent', 'reinstall')).toMatchObject({ changed: [] });
    expect(inventory()).toEqual(before);
  });

  it('enrols, starts and answers by one command, which may be typed again', {
    timeout: 120_000,
  }, async () => {
    vendor = await startEnrolmentServer();
    const words = ['agent', 'install', '--enroll', vendor.string, '--name', 'first'];

    const installed = await type(...words);
    const again = await type(...words);

    expect(installed).toMatchObject({ unit: AGENT_UNIT, enrolled: { server: vendor.url }, changed: MADE });
    expect(again.changed).toEqual([]);
    expect(vendor.redeemed).toHaveLength(1);
    expect(statSync(STATE).mode & 0o777).toBe(0o700);
    expect(spawnSync('systemctl', ['is-enabled', AGENT_UNIT], { encoding: 'utf8' }).stdout).toBe('enabled\n');
    expect(spawnSync('stat', ['--format=%U:%G %a', SOCKET], { encoding: 'utf8' }).stdout).toBe(
      'root:fairlead 660\n',
    );
  });

  it('completes words, and says at login whether a person is needed', () => {
    const script = 'source /usr/local/share/bash-completion/completions/fairlead; complete -p fairlead';
    const login = () => spawnSync('/etc/update-motd.d/60-fairlead', { encoding: 'utf8' }).stdout;

    expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout).toContain('_fairlead');
    spawnSync('systemctl', ['stop', AGENT_UNIT]);
    expect(login()).toMatch(/^the agent is not running.*\n$/);
  });

  it('is renewed by the same command where an older program had written its unit', {
    timeout: 120_000,
  }, async () => {
    writeFileSync(UNIT_FILE, '[Service]\nExecStart=/bin/false\n');

    expect(await type('agent', 'install')).toMatchObject({ changed: [UNIT_FILE] });
    expect(existsSync(SOCKET)).toBe(true);
  });

  it('is installed again as it is, whatever else whoever asks for it looks after', {
    timeout: 120_000,
  }, async () => {
    const unit = readFileSync(UNIT_FILE, 'utf8');
    writeFileSync(UNIT_FILE, unit.replace('WatchdogSec=3min\n', ''));

    const { changed } = await type('agent', 'reinstall', '--state-dir', '/srv/elsewhere');

    expect(changed).toEqual([UNIT_FILE]);
    expect(readFileSync(UNIT_FILE, 'utf8')).toBe(unit);
    expect(existsSync('/srv/elsewhere')).toBe(false);
  });

  it('tells where its unit keeps it from writing the numbers, and what lets it', {
    timeout: 120_000,
  }, async () => {
    const directory = '/srv/numbers';
    mkdirSync(directory);
    await type('agent', 'install', '--drivers', 'systemd');

    const before = await outcome('agent', 'notify', '--textfile', directory, '--test');
    const line = /below (\[Service\]) (ReadWritePaths=.+)$/.exec(before.tested.textfile);
    mkdirSync(`${UNIT_FILE}.d`);
    writeFileSync(`${UNIT_FILE}.d/override.conf`, `${line?.[1]}\n${line?.[2]}\n`);
    spawnSync('systemctl', ['daemon-reload']);
    spawnSync('systemctl', ['restart', AGENT_UNIT]);
    const after = await outcome('agent', 'notify', '--test');
    rmSync(`${UNIT_FILE}.d`, { recursive: true });

    expect(line).not.toBeNull();
    expect(after.tested).toEqual({ textfile: null });
    expect(readFileSync(join(directory, 'fairlead.prom'), 'utf8')).toContain('fairlead_');
  });

  it('says what is wrong where the program ends again and again', { timeout: 120_000 }, async () => {
    mkdirSync(`${UNIT_FILE}.d`);
    writeFileSync(
      `${UNIT_FILE}.d/broken.conf`,
      '[Service]\nExecStartPre=/bin/sh -c "echo error: no such luck >&2; false"\n',
    );

    expect(await refusal('agent', 'install')).toMatchObject({
      code: 'service/not-up',
      message: expect.stringContaining('error: no such luck'),
    });
    rmSync(`${UNIT_FILE}.d`, { recursive: true });
  });

  it('leaves nothing but its state and its group when it is removed', async () => {
    const { stays } = await type('agent', 'uninstall');

    expect(stays).toEqual([STATE, 'group fairlead']);
    // Directories of the system that were not there before stay, empty.
    const left = inventory().filter((path) => !before.includes(path) && !path.startsWith(STATE));
    expect(left.filter((path) => !statSync(path).isDirectory())).toEqual([]);
  });

  it('is not made a service where no systemd runs', async () => {
    const hidden = ['--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run/systemd; exec "$@"', 'sh'];
    const argv = [...hidden, process.execPath, CLI, 'agent', 'install', '--json'];

    const { stdout } = spawnSync('unshare', argv, { encoding: 'utf8' });

    expect(JSON.parse(stdout).error).toMatchObject({ code: 'service/no-systemd' });
  });

  describe('what runs as root', () => {
    const top = '/srv/places';
    const at = (name: string) => join(top, name);

    beforeAll(() => {
      mkdirSync(at('safe'), { recursive: true });
      writeFileSync(at('safe/program'), '');
      chownSync(at('safe'), 0, 0);
    });

    describe.each([
      ['is in another account’s directory', () => chownSync(at('safe'), 65_534, 0), 'chown -h root:root'],
      ['is in a directory that others write', () => chmodSync(at('safe'), 0o777), 'chmod go-w'],
      ['is another account’s', () => chownSync(at('safe/program'), 65_534, 0), 'chown -h root:root'],
      [
        'is written by a group',
        () => {
          chownSync(at('safe/program'), 0, 65_534);
          chmodSync(at('safe/program'), 0o775);
        },
        'chmod go-w',
      ],
    ])('and %s', (_, spoil, fix) => {
      it.each(['safe/program', 'link'])('is refused by the path %s, with what mends it', async (name) => {
        rmSync(at('link'), { force: true });
        symlinkSync('./safe/../safe/program', at('link'));
        spoil();

        await expect(verifyOnlyRootWrites(at(name))).rejects.toMatchObject({
          code: 'service/unsafe-path',
          hint: expect.stringContaining(fix),
        });

        chownSync(at('safe'), 0, 0);
        chmodSync(at('safe'), 0o755);
        chownSync(at('safe/program'), 0, 0);
        chmodSync(at('safe/program'), 0o755);
        await verifyOnlyRootWrites(at(name));
      });
    });

    it('is refused where a link on its way is another account’s, and where links go in circles', async () => {
      symlinkSync('/srv/places/safe', '/tmp/theirs');
      spawnSync('chown', ['-h', 'nobody', '/tmp/theirs']);
      symlinkSync('round', at('round'));

      await expect(verifyOnlyRootWrites('/tmp/theirs/program')).rejects.toMatchObject({
        code: 'service/unsafe-path',
      });
      await expect(verifyOnlyRootWrites(at('round'))).rejects.toMatchObject({ code: 'file/missing' });
    });

    it('keeps its state where nobody else looks', async () => {
      chmodSync(at('safe'), 0o711);
      await verifyPrivate(at('safe'));
      chmodSync(at('safe'), 0o750);
      await expect(verifyPrivate(at('safe'))).rejects.toMatchObject({ code: 'service/unsafe-path' });
    });
  });
});
