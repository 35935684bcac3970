// A forced fix that asks for a new setting: it comes from the disk on every channel, alone, and on the record.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { agentOf, catalogOf, roundToEnd } from '../../../labs/faults/agent-of.ts';
import { type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { deployable, ONE, ORDER } from '../../../labs/faults/releases.ts';
import { prepareHistory, USUAL } from '../../../labs/faults/scenario.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const SCENARIO: Scenario = { ...USUAL, name: 'forced', history: [ONE], act: async () => undefined };
const FIXED = deployable({ [AUTH]: '1.0.1' }, { settings: { token: { type: 'string', secret: true } } });
const CATALOG = { ...catalogOf(ONE, FIXED), advisories: [ORDER] };
const PIN = { level: 'capability', name: AUTH, version: '1.0.0' as never, owner: 'ada', reason: 'tested' };

async function instanceWith(policy: Partial<Policy>, settings: object | null) {
  const options = { stateDir: temporaryDirectory(), memory: createVolatileMemory(), scenario: SCENARIO };
  const instance = await startInstance(options as InstanceOptions);
  await prepareHistory(instance, SCENARIO);
  writeFileSync(join(options.stateDir, 'settings.json'), JSON.stringify({ ...DEFAULT_POLICY, ...policy }));
  if (settings !== null) {
    const suites = { core: { capabilities: { auth: { settings } } } };
    const config = { schema: 'fairlead/instance@1', suites };
    writeFileSync(join(options.stateDir, 'instance.json'), JSON.stringify(config));
  }
  return { instance, state: agentOf(instance, CATALOG) };
}

it.each([
  ['the frozen channel', { channel: 'frozen' }],
  ['the manual channel', { channel: 'manual' }],
  ['a pin to what is affected', { pins: [PIN as never] }],
] as const)('is applied over %s with the setting that was given on disk', async (_name, policy) => {
  const { instance, state } = await instanceWith(policy as Partial<Policy>, { token: 'correct horse' });

  await roundToEnd(state);
  await instance.settled();

  const current = await instance.deployer.current();
  expect(current?.releases.get(AUTH)?.document.version).toBe('1.0.1');
  expect((await state.records.decisions.read())?.decision.adopted).toEqual([
    { component: AUTH, key: 'token' },
  ]);
  const record = (await instance.deployer.records()).at(-1);
  expect(record?.adopted).toEqual([{ component: AUTH, key: 'token' }]);
  const entries = await instance.audit.entries();
  const started = entries.filter(({ event }) => event === 'deployment-started').at(-1);
  expect(started?.details.settings).toBe('core/auth token');
  expect(JSON.stringify([entries, record])).not.toContain('correct horse');
});

it('names the setting and the command where nobody gave it', async () => {
  const { instance, state } = await instanceWith({ channel: 'frozen' }, {});

  await roundToEnd(state);

  const decision = (await state.records.decisions.read())?.decision;
  expect(decision).toMatchObject({ verdict: 'blocked', blockers: [{ code: 'settings-invalid' }] });
  expect(decision?.blockers[0]?.clearWith).toContain('fairlead settings set core/auth token VALUE');
  expect((await instance.deployer.current())?.releases.get(AUTH)?.document.version).toBe('1.0.0');
});
