// Secrets: whatever fails, on every driver, nothing that the agent writes, answers or logs tells one.
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDrivers } from '../../../../agent/adapters/drivers/drivers.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import { AUTH, deployableOf, type Extras, releaseOf } from '../../../support/deploy-releases.ts';
import { describeDirectory, temporaryDirectory } from '../../../support/directories.ts';
import { realInstance, treeDirectory } from '../../../support/real-instance.ts';

const FAKE_DOCKER = new URL('../../../support/fake-docker', import.meta.url).pathname;
const LINES = ['canary-one-7f3a', 'canary-two-91bc'];
const CANARY = LINES.join('\n');
const TELL = 'echo "$SECRET"; echo "$SECRET" >&2';
const shell = (script: string) => ['sh', '-c', script];
const LIVES = { driver: 'process', exec: shell('exec sleep 600'), env: { SECRET: '${settings.secret}' } };

/** What only the service's own account or the agent's may read, and what the service itself writes. */
const OWN = /^(?:data|logs|engine)(?:\/|$)|^run\/[^/]+\.(?:env|command\.json)$|^canary$/;

const CASES: readonly (readonly [name: string, extras: Extras])[] = [
  ['a service that tells and ends', { service: { ...LIVES, exec: shell(`${TELL}; exit 3`) } }],
  ['a service that is not there', { service: { ...LIVES, exec: ['./nowhere'] } }],
  [
    'a health command that tells',
    { service: LIVES, health: [{ exec: shell(`${TELL}; exit 1`), startPeriod: 'PT0S', failures: 1 }] },
  ],
  [
    'a probe that waits for the secret',
    {
      service: LIVES,
      health: [
        {
          http: 'http://127.0.0.1:1/${settings.secret}',
          contains: '${settings.secret}',
          startPeriod: 'PT0S',
          failures: 1,
        },
      ],
    },
  ],
  ['a smoke test that tells', { service: LIVES, smoke: [{ exec: shell(`${TELL}; exit 1`) }] }],
  [
    'a preflight hook that tells',
    { service: LIVES, hooks: { preflight: [{ exec: shell(`${TELL}; exit 1`) }] } },
  ],
  [
    'a snapshot hook that tells on a long line',
    {
      service: LIVES,
      hooks: { snapshot: [{ exec: shell(`printf '%190s' x; echo "$SECRET" | tr '\\n' ' '; exit 1`) }] },
    },
  ],
  [
    'a start command that tells',
    {
      service: {
        driver: 'command',
        start: shell(`${TELL}; exit 1`),
        stop: ['true'],
        status: shell(`${TELL}; exit 3`),
        env: LIVES.env,
      },
    },
  ],
  [
    'a status command that tells',
    {
      service: {
        driver: 'command',
        start: ['true'],
        stop: ['true'],
        status: shell(`${TELL}; exit 3`),
        env: LIVES.env,
      },
    },
  ],
  [
    'containers that tell',
    {
      service: {
        driver: 'compose',
        file: 'compose.yaml',
        images: [{ archive: 'image.tar', digest: `sha256:${'a'.repeat(64)}` }],
        env: LIVES.env,
      },
    },
  ],
];

async function createWorld() {
  const stateDir = temporaryDirectory();
  const engine = join(stateDir, 'engine');
  for (const name of ['state/images', 'state/projects']) mkdirSync(join(engine, name), { recursive: true });
  copyFileSync(FAKE_DOCKER, join(engine, 'docker'));
  const path = process.env.PATH;
  process.env.PATH = `${engine}:${path}`;
  onTestFinished(() => void Object.assign(process.env, { PATH: path }));
  writeFileSync(join(stateDir, 'canary'), `${CANARY}\n`, { mode: 0o600 });
  const driver = createDrivers({ stateDir, clock: systemClock });
  onTestFinished(async () => void (await driver.stop(AUTH, 100)));
  const instance = realInstance(stateDir, { driver: driver as never });
  await instance.deployer.recover();
  const deployableFor = (extras: Extras, secret = `\${file:${join(stateDir, 'canary')}}`) => {
    const settings = { secret: { type: 'string', secret: true } };
    const release = releaseOf(AUTH, '1.0.0', { settings, health: [], smoke: [], hooks: {}, ...extras });
    const tree = treeDirectory(stateDir, release.document.tree.digest);
    mkdirSync(tree, { recursive: true });
    const web = { image: `sha256:${'a'.repeat(64)}`, command: [] };
    writeFileSync(join(tree, 'compose.yaml'), JSON.stringify({ services: { web } }));
    writeFileSync(join(tree, 'image.tar'), `sha256:${'a'.repeat(64)}`);
    writeFileSync(join(tree, 'program'), `${TELL}; exit 3`);
    return deployableOf({ [AUTH]: release }, { [AUTH]: { secret } });
  };
  return { stateDir, instance, deployableFor };
}

/** Where a line of the canary stands among the agent's own files. */
function tellTales(stateDir: string, lines = LINES): readonly string[] {
  return Object.entries(describeDirectory(stateDir)).flatMap(([path, what]) => {
    if (
      what === 'directory' ||
      what.startsWith('->') ||
      what.endsWith('special') ||
      path.startsWith('store/')
    )
      return [];
    const full = join(stateDir, path);
    const isOwn = OWN.test(path) && (path.startsWith('data') || (statSync(full).mode & 0o077) === 0);
    const text = readFileSync(full, 'utf8');
    return !isOwn && lines.some((line) => text.includes(line)) ? [path] : [];
  });
}

describe('a secret setting', () => {
  it.each(CASES)('is told by nothing after %s', async (_, extras) => {
    const { stateDir, instance, deployableFor } = await createWorld();

    const record = await instance.deploy(deployableFor(extras));

    expect(record.state).not.toBe('committed');
    const told = JSON.stringify([
      record,
      await instance.deployer.records(),
      await instance.deployer.quarantine(),
      instance.warnings.map((error) => [String(error), error]),
    ]);
    expect(LINES.filter((line) => told.includes(line))).toEqual([]);
    expect(tellTales(stateDir)).toEqual([]);
  });

  it.each([
    ['the service', { service: { ...LIVES, exec: ['sleep', '${settings.secret}'] } }, 'service.exec.1'],
    [
      'a smoke test',
      { service: LIVES, smoke: [{ exec: ['true', '-p${settings.secret}'] }] },
      'smoke.0.exec.1',
    ],
    [
      'a hook',
      { service: LIVES, hooks: { restore: [{ exec: ['x', '${settings.secret}'] }] } },
      'hooks.restore.0.exec.1',
    ],
    ['a probe', { service: LIVES, health: [{ exec: ['x', '${settings.secret}'] }] }, 'health.0.exec.1'],
  ])('that stands in a command of %s is refused before anything starts', async (_, extras, field) => {
    const { instance, deployableFor } = await createWorld();

    const record = await instance.deploy(deployableFor(extras));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/secret-in-command' } });
    expect(record.failure?.message).toContain(field);
    // A pause after an attempt, no quarantine: the operator can mend it.
    expect(await instance.deployer.quarantine()).toMatchObject([{ until: expect.any(String) }]);
  });

  it('leaves the last words of a service that ends, without itself', async () => {
    const { instance, deployableFor } = await createWorld();
    const script = 'echo "database is missing"; echo "tried with $SECRET"; sleep 0.2; exit 3';

    const record = await instance.deploy(deployableFor({ service: { ...LIVES, exec: shell(script) } }));

    expect(record.failure?.message).toContain('; its log ends: database is missing | tried with •••');
  });

  it('is in no log that the agent hands out, of what runs or of what failed', async () => {
    const { instance, deployableFor } = await createWorld();
    const { deployer } = instance;
    const telling = shell(`${TELL}; printf 'red \\033[31m\\n'; exec sleep 600`);
    await instance.deploy(deployableFor({ service: { ...LIVES, exec: telling } }));

    const lines = await deployer.logs(AUTH);

    expect(lines.slice(0, 3)).toEqual(['•••', '•••', 'red \ufffd[31m']);
    await expect(deployer.logs(AUTH, { change: 1 })).rejects.toMatchObject({ code: 'change/no-log' });
    await expect(deployer.logs('core/atuh' as typeof AUTH)).rejects.toMatchObject({
      code: 'service/no-log',
    });
  });

  it('leaves of a start that failed the lines of that start alone', async () => {
    const { instance, deployableFor } = await createWorld();
    const before = shell('echo "the version before"; exec sleep 600');
    await instance.deploy(deployableFor({ service: { ...LIVES, exec: before } }));
    const ends = shell('echo why; sleep 0.2; exit 3');
    const record = await instance.deploy(deployableFor({ service: { ...LIVES, exec: ends } }));

    expect(record.failure?.message).toMatch(/; its log ends: why$/);
    expect(await instance.deployer.logs(AUTH, { change: record.id })).toEqual(['why']);
  });

  it('leaves the log of what failed to be asked for by its number', async () => {
    const { instance, deployableFor } = await createWorld();
    const ends = shell(`echo why; ${TELL}; sleep 0.2; exit 3`);
    const { id } = await instance.deploy(deployableFor({ service: { ...LIVES, exec: ends } }));

    expect((await instance.deployer.logs(AUTH, { change: id })).slice(0, 2)).toEqual(['why', '•••']);
  });

  it('reaches its service', async () => {
    const { stateDir, instance, deployableFor } = await createWorld();
    const script = 'printf %s "$SECRET" > "$HOME/got"; exec sleep 600';

    const record = await instance.deploy(deployableFor({ service: { ...LIVES, exec: shell(script) } }));

    expect(record.state).toBe('committed');
    expect(readFileSync(join(stateDir, 'data/core/auth/got'), 'utf8')).toBe(CANARY);
  });

  it('that the operator wrote down in plain is redacted all the same, where the release says that it is one', async () => {
    const { stateDir, instance, deployableFor } = await createWorld();
    const extras = { service: LIVES, smoke: [{ exec: shell(`${TELL}; exit 1`) }] };

    const record = await instance.deploy(deployableFor(extras, 'canary-plain-55'));

    expect(record.failure?.message).toContain('•••');
    const told = tellTales(stateDir, ['canary-plain-55']);
    expect(told.filter((path) => !/(?:config|spare)\.json$/.test(path))).toEqual([]);
  });
});
