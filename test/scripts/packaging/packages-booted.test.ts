// A package on a machine with systemd, by Debian's own commands: upgraded, removed and purged around a service that it did not make.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { AGENT_UNIT } from '../../../agent/adapters/machine/agent-unit.ts';
import { makeDeb } from '../../../scripts/packaging/deb.ts';
import { HOST, PROGRAMS } from '../../../scripts/packaging/programs.ts';
import { readRelease } from '../../../scripts/packaging/release.ts';
import { describeBooted } from '../../support/booted.ts';
import { startEnrolmentServer } from '../../support/enrolment-server.ts';
import { ownByRoot } from '../../support/owned-by-root.ts';

const CHECKOUT = new URL('../../..', import.meta.url).pathname;
const CLI = join(CHECKOUT, 'agent/cli/main.ts');
const UNIT_FILE = `/etc/systemd/system/${AGENT_UNIT}`;
const LIMIT_MS = 200_000;

/** The program of this checkout in the place of an executable. */
async function makePackage(version: string): Promise<string> {
  const [program] = PROGRAMS;
  if (program === undefined) throw new Error('there are three');
  const work = mkdtempSync('/srv/package-');
  const executable = join(work, 'fairlead');
  writeFileSync(executable, `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`);
  const release = await readRelease(CHECKOUT, program.name, { SOURCE_DATE_EPOCH: '1790000000' });
  return await makeDeb({
    ...{ ...release, version, program, target: HOST, executable },
    ...{ licenses: '', out: join(work, 'out'), work: join(work, 'work') },
  });
}

/** The vendor's server answers in this process meanwhile. */
async function type(...[program = '', ...words]: readonly string[]) {
  const { code, stdout, stderr } = await promisify(execFile)(program, words).then(
    (said) => ({ code: 0, ...said }),
    (failed: { code: number; stdout: string; stderr: string }) => failed,
  );
  return { status: code, said: stdout + stderr };
}

/** Without the indexes of manuals, which take longer than all the rest. */
const dpkg = (...words: readonly string[]) => type('dpkg', '--no-triggers', ...words);
const stateOf = async () => (await type('systemctl', 'is-active', AGENT_UNIT)).said.trim();

describeBooted('a package on a machine', import.meta.filename, () => {
  let [old, newer] = ['', ''];

  beforeAll(async () => {
    for (const path of [CLI, process.execPath]) ownByRoot(path);
    [old, newer] = [await makePackage('1.9.0'), await makePackage('1.10.0')];
  }, LIMIT_MS);

  it('makes no service by itself', { timeout: LIMIT_MS }, async () => {
    expect(await dpkg('--install', old)).toMatchObject({ status: 0 });
    expect([existsSync('/usr/bin/fairlead'), existsSync(UNIT_FILE)]).toEqual([true, false]);
  });

  it('installs a service again that is there, when it is upgraded and when it goes back', {
    timeout: LIMIT_MS,
  }, async () => {
    const vendor = await startEnrolmentServer();
    expect(await type('fairlead', 'agent', 'install', '--enroll', vendor.string)).toMatchObject({
      status: 0,
    });
    const unit = readFileSync(UNIT_FILE, 'utf8');

    for (const one of [newer, old]) {
      writeFileSync(UNIT_FILE, unit.replace('WatchdogSec=3min\n', ''));

      expect(await dpkg('--install', one)).toMatchObject({ status: 0 });
      expect([readFileSync(UNIT_FILE, 'utf8'), await stateOf()]).toEqual([unit, 'active']);
    }
  });

  it('takes the service with it when it is removed, and no state ever', { timeout: LIMIT_MS }, async () => {
    const removed = await dpkg('--remove', 'fairlead');
    const left = [UNIT_FILE, '/usr/bin/fairlead', '/etc/sysusers.d/fairlead.conf'].filter(existsSync);
    const purged = await dpkg('--purge', 'fairlead');

    expect([removed.status, purged.status, left, await stateOf()]).toEqual([0, 0, [], 'inactive']);
    expect(removed.said).toContain('its state in /var/lib/fairlead');
    expect(purged.said).toContain('rm -r /var/lib/fairlead');
    expect(existsSync('/var/lib/fairlead/identity.json')).toBe(true);
  });

  it('leaves a unit where no manager runs that could stop it, and says so', {
    timeout: LIMIT_MS,
  }, async () => {
    await dpkg('--install', old);
    writeFileSync(UNIT_FILE, '[Service]\n');
    const hidden = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run/systemd; exec "$@"', 'sh'];

    const { status, said } = await type(...hidden, 'dpkg', '--no-triggers', '--remove', 'fairlead');

    expect([status, existsSync(UNIT_FILE)]).toEqual([0, true]);
    expect(said).toContain(`${UNIT_FILE} stays: rm it`);
  });
});
