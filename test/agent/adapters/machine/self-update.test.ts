// The agent updates itself under a real service manager: by releases of a vendor, and where what comes is broken in every way.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { showUnit } from '../../../../agent/adapters/drivers/systemd/systemctl.ts';
import { installAgent, uninstallAgent } from '../../../../agent/adapters/machine/agent-service.ts';
import { createAgentSlots, slotsDirectoryOf } from '../../../../agent/adapters/machine/agent-slots.ts';
import { AGENT_UNIT } from '../../../../agent/adapters/machine/agent-unit.ts';
import { installSlot } from '../../../../agent/adapters/machine/install-slot.ts';
import type { Application } from '../../../labs/demo/applications.ts';
import { describeBooted } from '../../../support/booted.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import {
  type Earlier,
  type EarlierChanges,
  releaseAnew,
  unpackEarlier,
  until,
} from '../../../support/earlier-install.ts';

const PATIENCE_MS = 280_000;
const ADDITIONS = `/etc/systemd/system/${AGENT_UNIT}.d`;
const CLI = new URL('../../../../agent/cli/main.ts', import.meta.url).pathname;
/** Built before: then it is they that update each other, one step more. */
const given = process.env.FAIRLEAD_EXECUTABLES;
const OWN = 'tools/agent';

/** Says its version, and runs as the agent until it is told otherwise. */
const answering = (version: string, rest: string) =>
  `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\n${rest}\n`;

function writeProgram(path: string, version: string, rest: string | null): void {
  if (rest === null && given !== undefined) {
    // Another build is other bytes: what is behind its end, no executable reads.
    copyFileSync(join(given, 'fairlead'), path);
    writeFileSync(path, version, { flag: 'a' });
    return;
  }
  const agent = `exec ${process.execPath} ${CLI} "$@"`;
  writeFileSync(path, answering(version, rest ?? agent), { mode: 0o755 });
}

/** A release of the agent itself; `rest` is what it does in place of being an agent. */
function releaseOf(rest: string | null): Application {
  return {
    component: OWN,
    prepare: async (version: string, directory: string) => {
      const tree = join(directory, version);
      mkdirSync(tree, { recursive: true });
      writeProgram(join(tree, 'fairlead'), version, rest);
      const manifest = { service: { driver: 'agent', exec: ['./fairlead'] }, reversible: 'yes' };
      return { directory: tree, manifest };
    },
  } as unknown as Application;
}

function addToUnit(text: string): void {
  mkdirSync(ADDITIONS, { recursive: true });
  writeFileSync(join(ADDITIONS, 'test.conf'), `[Service]\n${text}\n`);
}

const ended = ({ json }: Earlier, change: number) =>
  until(async () => {
    const { changes } = await json<EarlierChanges>('changes');
    const state = changes.find(({ id }) => id === change)?.state;
    return ['committed', 'rolled-back', 'abandoned', 'inconsistent'].includes(state ?? '') ? state : null;
  });

describeBooted('an agent that updates itself', import.meta.filename, () => {
  let stateDir = '';
  const link = async () => (await createAgentSlots(stateDir).read()).current;
  afterEach(async () => uninstallAgent(stateDir));

  it('goes to the next version, comes back from a broken one, and returns to the one before', {
    timeout: PATIENCE_MS,
  }, async () => {
    const earlier = await unpackEarlier();
    stateDir = join(earlier.directory, 'agent');
    const edit = (name: string, from: string, to: string) => {
      const text = readFileSync(join(stateDir, name), 'utf8');
      writeFileSync(join(stateDir, name), text.replace(from, to));
    };
    edit('settings.json', '"PT5M"', '"PT1S"');
    edit('instance.json', '"capabilities": {', '"capabilities": { "agent": {},');
    const source = join(earlier.directory, 'fairlead');
    writeProgram(source, '1.0.0', null);
    addToUnit(`Environment=PATH=${dirname(process.execPath)}:/usr/bin:/bin`);
    earlier.start('fairlead-server', 'run', '--dir', 'server', '--port', earlier.port);
    await installSlot({ stateDir, source, version: '1.0.0' });
    await installAgent({ program: [source], stateDir, drivers: null, slots: true }, async () => true);
    await ended(earlier, 7);
    const states: (string | undefined)[] = [];
    const update = async (version: string, rest: string | null) => {
      await releaseAnew(earlier, releaseOf(rest), version);
      states.push(await ended(earlier, 7 + states.length + 1));
    };

    await update('2.0.0', null);
    await update('3.0.0', 'exit 1');
    if (given !== undefined) {
      await update('4.0.0', null);
      await earlier.run('fairlead', 'rollback', '--reason', 'slow', '--yes');
      states.push(await ended(earlier, 11));
    }

    expect(states).toEqual([
      'committed',
      'rolled-back',
      ...(given === undefined ? [] : ['committed', 'committed']),
    ]);
    const { notes, current, wayBack, trial } = await createAgentSlots(stateDir).read();
    expect({ current, wayBack, trial, version: notes.b?.component }).toEqual({
      ...{ current: 'b', wayBack: null, trial: null },
      version: OWN,
    });
    expect(readFileSync(join(slotsDirectoryOf(stateDir), 'b/fairlead')).includes('2.0.0')).toBe(true);
    const { components, quarantine } = await earlier.json<{
      components: { component: string; version: string; health: string }[];
      quarantine: { version: string }[];
    }>('status');
    expect(components.find(({ component }) => component === OWN)).toMatchObject({ version: '2.0.0' });
    expect(quarantine.map(({ version }) => version)).toContain('3.0.0');
  });

  it.each([
    ['ends at once', 'exit 1'],
    ['never says that it is ready', 'exec sleep 1000'],
    ['says that it is ready, and ends', 'systemd-notify --ready; sleep 0.2; exit 0'],
    ['is no program', null],
  ])('has the one before back where the next one %s', { timeout: PATIENCE_MS }, async (_, rest) => {
    stateDir = temporaryDirectory();
    addToUnit('TimeoutStartSec=2s\nRestartSec=100ms');
    const slots = createAgentSlots(stateDir);
    const [good, bad] = ['good', 'bad'].map((name) => join(stateDir, name)) as [string, string];
    writeFileSync(good, answering('1.0.0', 'systemd-notify --ready; exec sleep 1000'), { mode: 0o755 });
    writeFileSync(bad, rest === null ? 'nothing that runs' : answering('2.0.0', rest), { mode: 0o755 });
    await installSlot({ stateDir, source: good, version: '1.0.0' });
    await installAgent({ program: [good], stateDir, drivers: null, slots: true }, async () => true);
    const { mainPid } = await showUnit(AGENT_UNIT);

    await slots.fill('b', bad, async (digest) => ({
      ...{ schema: 'fairlead/agent-slot@1', version: '2.0.0', digest, component: null, identity: null },
    }));
    await slots.beginTrial({ from: 'a', to: 'b' }, null);
    process.kill(mainPid);

    await until(async () => {
      const { active, mainPid: next } = await showUnit(AGENT_UNIT);
      return active === 'active' && next !== mainPid && (await link()) === 'a' ? next : null;
    });
    expect((await slots.read()).wayBack).toBe(null);
  });
});
