// Another account: all of its groups, exactly the service's environment, and none of it in what still has the agent's rights.
import { describe, expect, it } from 'vitest';
import { asAccount } from '../../../../agent/adapters/machine/as-account.ts';
import { runTool } from '../../../../agent/adapters/machine/run-tool.ts';
import { toolEnvironment } from '../../../../agent/adapters/machine/surroundings.ts';

const NOBODY = { uid: 65_534, gid: 65_534, groups: [65_534, 4, 20] };
const isRoot = process.getuid?.() === 0;

function runAs(argv: readonly string[], env: Readonly<Record<string, string>>) {
  return runTool({ argv, env, account: NOBODY, workingDirectory: '/', timeoutMs: 10_000 });
}

describe.runIf(isRoot)('a program of another account', () => {
  const PATH = '/usr/bin:/bin';

  it('is in every group of its account', async () => {
    const { stdout } = await runAs(['sh', '-c', 'id -u; id -G'], { PATH });

    expect(stdout.split('\n').slice(0, 2)).toEqual(['65534', '65534 4 20']);
  });

  it('gets its environment as it is, whatever stands in it', async () => {
    const env = {
      PATH,
      ODD: 'a"b\'c$d`e\nf\\g',
      EMPTY: '',
      LD_DEBUG_OUTPUT: '/nowhere',
      IFS: 'x',
      HOME: '/h',
    };

    const { stdout } = await runAs(['env', '-0'], env);

    const got = new Map(
      stdout.split('\0').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
    );
    expect(Object.fromEntries(Object.keys(env).map((name) => [name, got.get(name)]))).toEqual(env);
    expect([...got.keys()].filter((name) => name?.startsWith('FAIRLEAD_OF_'))).toEqual([]);
  });

  it('says which program is missing by the status of a shell', async () => {
    expect((await runAs(['/no/such/program'], { PATH })).status).toBe(127);
  });

  it('hands nothing that loads code to what still has the rights of the agent', async () => {
    const { argv, env, ids } = await asAccount(['x'], { LD_PRELOAD: '/evil.so', PATH: '/evil' }, NOBODY);

    expect(ids).toEqual({});
    expect(argv[0]).toMatch(/^\/.*\/setpriv$/);
    expect(Object.keys(env).filter((name) => !name.startsWith('FAIRLEAD_OF_'))).toEqual([]);
  });
});

describe('a program of an account without further groups', () => {
  it('is started the usual way', async () => {
    const env = { A: 'b' };

    expect(await asAccount(['x'], env, { uid: 5, gid: 5, groups: [5] })).toEqual({
      argv: ['x'],
      env,
      ids: { uid: 5, gid: 5 },
    });
    expect(await asAccount(['x'], env, {})).toEqual({ argv: ['x'], env, ids: {} });
  });
});

describe('a tool of the machine', () => {
  it('is found by the path of the agent, and gets nothing else of its environment', () => {
    process.env.LD_TEST_ONLY = 'x';

    const env = toolEnvironment();
    delete process.env.LD_TEST_ONLY;

    expect(env).toEqual({ PATH: process.env.PATH, LC_ALL: 'C' });
  });
});
