// Under which name a person stands in a record: their own where they became root for it, and nothing a terminal obeys.
import { syncBuiltinESMExports } from 'node:module';
import os, { userInfo } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accountName } from '../../../shared/cli/run.ts';

/** As the process would see itself; put back when the test is over. */
function standAs(uid: number, sudoer: string | undefined): void {
  const [getuid, before] = [process.getuid, process.env.SUDO_USER];
  onTestFinished(() => {
    if (getuid !== undefined) process.getuid = getuid;
    if (before === undefined) delete process.env.SUDO_USER;
    else process.env.SUDO_USER = before;
  });
  process.getuid = () => uid;
  if (sudoer === undefined) delete process.env.SUDO_USER;
  else process.env.SUDO_USER = sudoer;
}

describe('the name of an account', () => {
  const own = userInfo().username;

  it.each<[string, number, string | undefined, string]>([
    ['somebody who became root', 0, 'alice', 'alice (sudo)'],
    ['root', 0, undefined, own],
    ['somebody who is not root, whatever the environment says', 1000, 'alice', own],
    ['a name that a terminal would obey', 0, 'a\u001b[2K\u00e9~ b', 'a?[2K?~ b (sudo)'],
    ['a name that is too long', 0, 'x'.repeat(70), 'x'.repeat(64)],
  ])('is that of %s', (_who, uid, sudoer, name) => {
    standAs(uid, sudoer);

    expect(accountName()).toBe(name);
  });

  it('is its number where no passwd file knows it, as in a container', () => {
    standAs(4242, undefined);
    const known = os.userInfo;
    onTestFinished(() => {
      os.userInfo = known;
      syncBuiltinESMExports();
    });
    os.userInfo = () => {
      throw new Error('ENOENT: no such user');
    };
    syncBuiltinESMExports();

    expect(accountName()).toBe('uid 4242');
  });
});
