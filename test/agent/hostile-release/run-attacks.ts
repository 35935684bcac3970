// Runs every attack of the table as a service of one driver: it gets no further than the account it runs under.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createDrivers } from '../../../agent/adapters/drivers/drivers.ts';
import { findProgram } from '../../../agent/adapters/machine/find-program.ts';
import { createProber } from '../../../agent/adapters/machine/run-command.ts';
import { systemClock } from '../../../agent/adapters/machine/surroundings.ts';
import { failureOf } from '../../../agent/core/deploy/failure.ts';
import type { ServiceUnit } from '../../../agent/ports/deploy.ts';
import { describeBooted } from '../../support/booted.ts';
import { COMPONENT, until } from '../../support/driver-contract.ts';
import { ATTACKS, type Attack, CANARY, type Ground, TOOLS } from './attacks.ts';

const ACCOUNT = 'fl-service';
const GIVEN_UP_MS = 3_000;
type Kind = 'process' | 'systemd' | 'command';

/** `file` is the caller's own. */
export function describeAttacks(kind: Kind, file: string): void {
  describeBooted(`a hostile release that the driver ${kind} runs`, file, () => {
    beforeAll(prepareMachine);
    afterAll(() => void delete process.env.FAIRLEAD_TEST_SECRET);

    it.each(ATTACKS)('gets nothing when it $name', { timeout: 120_000 }, async (attack) => {
      const ground = prepareGround();
      const signals = countSignals();
      const before = rootsFiles(ground);

      const said = await attackAndStop(kind, attack, ground);

      expect(said.join('\n')).not.toContain(CANARY);
      expect(said.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(said.every((text) => text.length <= 500)).toBe(true);
      expect(filesIn(ground.traces, '-not', '-user', ACCOUNT)).toEqual([]);
      expect(takenBeyond(ground)).toEqual([]);
      expect(rootsFiles(ground)).toEqual(before);
      expect(signals).toEqual([]);
      expect(spawnSync('pgrep', ['-u', ACCOUNT]).stdout.toString()).toBe('');
    });
  });
}

/** A throw-away one: see booted.ts. */
function prepareMachine(): void {
  // Supplementary groups, so that programs are started the longer way.
  execFileSync('useradd', ['--system', '--no-create-home', '--groups', 'nogroup,users', ACCOUNT]);
  writeFileSync('/etc/shadow', `canary:${CANARY}:1::::::\n`, { flag: 'a' });
  process.env.FAIRLEAD_TEST_SECRET = CANARY;
}

/** Starts it, asks its probe, and starts and stops it once more on what it left. Everything that was said of it. */
async function attackAndStop(kind: Kind, attack: Attack, ground: Ground): Promise<string[]> {
  const driver = createDrivers({ stateDir: ground.stateDir, clock: systemClock });
  const unit = unitOf(kind, attack, ground);
  const said: string[] = [];
  const hear = async (work: Promise<unknown>) => {
    await work.catch((error: unknown) => said.push(failureOf(error).message));
  };
  const { env, user, workingDirectory, dataDirectory } = unit;
  for (const identity of ['v1', 'v2']) {
    rmSync(join(dataDirectory, 'done'), { force: true });
    await driver.prepare({ ...unit, identity });
    await hear(driver.start({ ...unit, identity }));
    for (let i = 0; i < 2; i++) {
      await hear(findProgram({ program: './serve', workingDirectory, user, path: env.PATH ?? null }));
    }
    const exec = ['/bin/sh', '-c', attack.probe ?? attack.script];
    const command = { exec, env, user, workingDirectory, dataDirectory };
    const asked = createProber().probe(
      { kind: 'exec', ...command, timeoutMs: 2_000 },
      AbortSignal.timeout(5_000),
    );
    said.push((await asked).detail);
    await until(async () => filesIn(dataDirectory).some((path) => path.endsWith('/done')), GIVEN_UP_MS).catch(
      () => undefined,
    );
    await driver.maintain(COMPONENT);
    const status = await driver.status(COMPONENT);
    if (status.kind === 'exited') said.push(status.detail);
    expect(await driver.logs(COMPONENT, 1 << 20)).not.toContain(CANARY);
    expect(await driver.stop(COMPONENT, 2_000)).not.toBe('stuck');
  }
  return said;
}

function unitOf(kind: Kind, attack: Attack, ground: Ground): ServiceUnit {
  const service = `( ${attack.script} ); : > "$HOME/done"; exec sleep 1000`;
  const base = {
    component: COMPONENT,
    env: {
      AGENT: String(process.pid),
      STATE: ground.stateDir,
      TRACES: ground.traces,
      SERVICE: service,
      ...attack.env?.(ground),
    },
    user: ACCOUNT,
    workingDirectory: ground.tree,
    dataDirectory: join(ground.stateDir, 'data', COMPONENT),
    stopTimeoutMs: 2_000,
    identity: 'v1',
  };
  const shell = (script: string) => ['/bin/sh', '-c', script];
  if (kind !== 'command') return { ...base, kind, exec: shell(service) };
  const alive = 'grep -q "^State:.[^ZX]" "/proc/$(cat "$HOME/pid")/status" 2>/dev/null';
  return {
    ...base,
    kind,
    start: shell('/bin/sh -c "$SERVICE" & echo $! > "$HOME/pid"'),
    stop: shell('kill "$(cat "$HOME/pid")"'),
    status: shell(`setsid sleep 4711 & ${alive} || exit 1`),
    startTimeoutMs: 5_000,
    statusTimeoutMs: 5_000,
  };
}

function prepareGround(): Ground {
  const stateDir = mkdtempSync('/srv/fairlead-test-');
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  writeFileSync(join(stateDir, 'secret'), CANARY, { mode: 0o600 });
  const tree = join(stateDir, 'tree');
  const traces = join(stateDir, 'traces');
  mkdirSync(join(tree, 'evil'), { recursive: true });
  mkdirSync(traces);
  chmodSync(traces, 0o1777);
  writeFileSync(join(tree, 'serve'), '#!/bin/sh\n', { mode: 0o755 });
  for (const tool of TOOLS) {
    const script = `#!/bin/sh\n: > ${traces}/${tool}.$$\nexec /usr/bin/${tool} "$@"\n`;
    writeFileSync(join(tree, 'evil', tool), script, { mode: 0o755 });
  }
  writeFileSync(
    join(tree, 'evil.cjs'),
    `require('node:fs').writeFileSync('${traces}/node.' + process.pid, '')`,
  );
  return { stateDir, tree, traces };
}

function countSignals(): string[] {
  const seen: string[] = [];
  const names = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const;
  const handlers = names.map((name) => [name, () => void seen.push(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  onTestFinished(() => {
    for (const [name, handler] of handlers) process.off(name, handler);
  });
  return seen;
}

function filesIn(directory: string, ...words: readonly string[]): readonly string[] {
  const { stdout } = spawnSync('find', [directory, '-mindepth', '1', ...words]);
  return stdout.toString().split('\n').filter(Boolean);
}

/** What it has or named anywhere but in its data and its log. */
function takenBeyond({ stateDir, traces }: Ground): readonly string[] {
  const own = [join(stateDir, 'data', COMPONENT), traces, join(stateDir, 'logs', 'core.auth.log')];
  const places = ['/etc', '/run', '/root', '/srv', '/usr/bin', '/usr/local', '/var/lib'];
  const found = places.flatMap((place) =>
    filesIn(place, '(', '-user', ACCOUNT, '-o', '-name', '*taken*', ')'),
  );
  return found.filter((path) => !own.some((mine) => path === mine || path.startsWith(`${mine}/`)));
}

/** What nobody but root may have changed. */
function rootsFiles({ stateDir, tree }: Ground): readonly string[] {
  const files = ['/etc/passwd', '/etc/shadow', join(stateDir, 'secret'), join(tree, 'serve')];
  return files.map((path) => readFileSync(path, 'utf8'));
}
