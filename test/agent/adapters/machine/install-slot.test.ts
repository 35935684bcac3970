// Installing by hand, again and again: what is put into a slot, and what stays although something else was brought.
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { installSteps, uninstallSteps } from '../../../../agent/adapters/machine/agent-service.ts';
import {
  beginsOnTrial,
  createAgentSlots,
  slotsDirectoryOf,
} from '../../../../agent/adapters/machine/agent-slots.ts';
import { describeSlot, installSlot } from '../../../../agent/adapters/machine/install-slot.ts';
import { createSlottedAgent, showAll } from '../../../support/agent-slots.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { codeOf, rejectionOf } from '../../../support/error-code.ts';

let stateDir: string;
const executable = (version: string, more = '') => {
  const source = join(stateDir, 'source');
  writeFileSync(source, `#!/bin/sh\necho ${version}${more}\n`, { mode: 0o755 });
  return { stateDir, source, version };
};
const slots = () => createAgentSlots(stateDir);
const state = async () => {
  const { current, notes } = await slots().read();
  return [current, current === null ? null : notes[current]?.version];
};
/** As a deployment of the agent leaves its slot. */
async function deployed(version: string) {
  const source = executable(version).source;
  await slots().fill(
    'b',
    source,
    async (digest) =>
      ({
        ...({ schema: 'fairlead/agent-slot@1', component: 'fairlead/agent', identity: 'x' } as const),
        ...{ version, digest },
      }) as never,
  );
  await slots().point('b');
}

beforeEach(() => {
  stateDir = temporaryDirectory();
});

it('begins with slot a, and does nothing the second time', async () => {
  expect(await installSlot(executable('1.0.0'))).toMatchObject({ kind: 'fill', slot: 'a' });
  expect(await installSlot(executable('1.0.0'))).toEqual({ kind: 'same' });
  expect(await state()).toEqual(['a', '1.0.0']);
});

it('upgrades into the other slot, and leaves the one before as it was', async () => {
  await installSlot(executable('1.0.0'));

  expect(await installSlot(executable('1.1.0'))).toMatchObject({ kind: 'fill', slot: 'b' });

  expect(await state()).toEqual(['b', '1.1.0']);
  expect(await slots().isIntact('a')).toBe(true);
});

it('has the one before back where the new one never gets through a round, and stays where it does', async () => {
  for (const [version, rounds, outcome] of [
    ['1.1.0', 0, '1.0.0'],
    ['1.2.0', 1, '1.2.0'],
  ] as const) {
    const agent = await createSlottedAgent();
    stateDir = agent.stateDir;
    await installSlot(executable(version));
    const { own } = agent.start();
    expect(await beginsOnTrial(stateDir, own)).toBe(false);
    for (let round = 0; round < rounds; round++) showAll(own);
    await until(async () => rounds === 0 || (await slots().read()).wayBack === null);

    for (const _ of '123') agent.supervise();

    expect(agent.current()).toBe(outcome);
  }
});

it.each([
  ['an older one', '1.0.0', '2.0.0', 'stays'],
  ['another build of the version that the vendor deployed', '2.0.0', '2.0.0', 'stays'],
  ['a newer one', '2.1.0', '2.0.0', 'fill'],
])('brought %s over what was deployed, has %s over %s: %s', async (_, offered, running, outcome) => {
  await installSlot(executable('1.0.0'));
  await deployed(running);

  expect(await installSlot(executable(offered, ' built again'))).toMatchObject({ kind: outcome });

  expect(await state()).toEqual(outcome === 'stays' ? ['b', running] : ['a', offered]);
});

it('keeps whose component it is, so that the next release of it is an update', async () => {
  await installSlot(executable('1.0.0'));
  await deployed('2.0.0');

  await installSlot(executable('2.1.0'));
  expect(await installSlot(executable('2.1.0'))).toEqual({ kind: 'same' });

  expect((await slots().read()).notes.a).toMatchObject({ component: 'fairlead/agent', identity: null });
});

it('replaces another build of a version that a person installed, and a slot that was damaged', async () => {
  await installSlot(executable('1.0.0'));
  expect(await installSlot(executable('1.0.0', ' built again'))).toMatchObject({ kind: 'fill', slot: 'b' });
  await slots().conclude();
  appendFileSync(join(slotsDirectoryOf(stateDir), 'b/fairlead'), 'spoilt');

  expect(await installSlot(executable('1.0.0', ' built again'))).toMatchObject({ kind: 'fill', slot: 'a' });
});

it('refuses while a new agent is on trial: both slots are in use', async () => {
  await installSlot(executable('1.0.0'));
  await slots().fill('b', executable('2.0.0').source, async (digest) => ({
    ...{ schema: 'fairlead/agent-slot@1', version: '2.0.0', digest, component: null, identity: null },
  }));
  await slots().beginTrial({ from: 'a', to: 'b' }, null);

  const refused = await rejectionOf(installSlot(executable('3.0.0')));

  expect(
    codeOf(() => {
      throw refused;
    }),
  ).toBe('service/agent-on-trial');
});

it('lets a trial go on whose unit was removed: nothing else would ever end it', async () => {
  const agent = await createSlottedAgent();
  stateDir = agent.stateDir;
  await installSlot(executable('1.1.0'));

  expect(await installSlot(executable('1.0.1'), false)).toEqual({ kind: 'on-trial' });

  expect(agent.current()).toBe('1.1.0');
  for (const _ of '1234') agent.supervise();
  expect(agent.current()).toBe('1.0.0');
});

it('shows as commands what it would do, and does nothing', async () => {
  const steps = await describeSlot(executable('1.0.0'));

  const directory = slotsDirectoryOf(stateDir);
  expect(steps.map((step) => (step.kind === 'run' ? step.argv.join(' ') : step.path))).toEqual([
    `install -D -m 755 ${join(stateDir, 'source')} ${directory}/a/fairlead`,
    `${directory}/a/slot.json`,
    `ln -sfnT a ${directory}/current`,
  ]);
  expect(existsSync(directory)).toBe(false);
});

it('shows the way back as a command too, where there is one', async () => {
  await installSlot(executable('1.0.0'));

  const steps = await describeSlot(executable('2.0.0'));

  const directory = slotsDirectoryOf(stateDir);
  expect(steps.flatMap((step) => (step.kind === 'run' ? step.argv.join(' ') : [])).slice(-2)).toEqual([
    `ln -sfnT a ${directory}/return.3`,
    `ln -sfnT b ${directory}/current`,
  ]);
});

it('starts the slot from the unit, and types the program everywhere else', () => {
  const steps = installSteps({ program: ['/usr/bin/fairlead'], stateDir, drivers: null, slots: true }, true);

  const texts = steps.flatMap((step) => (step.kind === 'write' ? step.text : []));
  const starting = texts.filter((text) => text.includes(slotsDirectoryOf(stateDir)));
  expect(starting).toHaveLength(1);
  expect(starting[0]).toContain(`ExecStart=:"${slotsDirectoryOf(stateDir)}/current/fairlead"`);
  expect(texts.filter((text) => text.includes('/usr/bin/fairlead'))).toHaveLength(2);
});

it('is taken away by uninstalling, unless it keeps the ports of services', async () => {
  await installSlot(executable('1.0.0'));
  const takesAway = () =>
    uninstallSteps(stateDir, false).some(
      (step) => step.kind === 'run' && step.argv.at(-1) === slotsDirectoryOf(stateDir),
    );
  const before = takesAway();
  mkdirSync(join(stateDir, 'traffic/core.auth'), { recursive: true });

  expect([before, takesAway()]).toEqual([true, false]);
});
