// The settings through the socket: shown whole, tried without a trace, and changed by what is on disk at that moment.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import type { SettingsReply } from '../../../../shared/protocol/settings.ts';
import { instanceConfig } from '../../../../shared/schema/instance.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';

const REASON = { reason: 'why' };

describe('the settings', () => {
  const PORT = { port: { type: 'integer', default: 80 } };
  async function set() {
    const network = createAgentNetwork();
    network.publish(releaseOf('1.0.0', { settings: PORT }));
    await network.start();
    network.world.audit.length = 0;
    const put = async (value: string | null, more: object = {}) =>
      (await network.ask('PUT', '/v1/settings', {
        ...{ component: 'core/auth', key: 'port', value, ...REASON },
        ...more,
      })) as SettingsReply;
    return { ...network, put };
  }
  const row = (value: string, from: string) => ({
    ...{ component: 'core/auth', version: '1.0.0', state: 'running', key: 'port', value, from },
    ...{ expected: expect.any(String), secret: false, problem: null, about: null },
  });

  it('are shown whole', async () => {
    const { ask } = await set();

    expect(await ask('GET', '/v1/settings')).toEqual({
      ...{ schema: 'fairlead/settings@1', settings: [row('80', 'default')], changes: [], notes: [] },
    });
  });

  it('are shown as they would be where a change is only tried, which is on no record', async () => {
    const { put, world } = await set();
    const before = world.config;

    expect(await put('81', { preview: true })).toEqual({
      ...{ schema: 'fairlead/settings@1', settings: [row('81', 'instance')], notes: [] },
      changes: ['+ core/auth port: 81'],
    });
    expect([world.audit, world.config]).toEqual([[], before]);
  });

  it('are changed on the record, and the agent looks at once', async () => {
    const { put, world } = await set();

    expect(await put('81')).toMatchObject({
      ...{ settings: [row('81', 'instance')], changes: ['+ core/auth port: 81'] },
    });
    const suites = { core: { capabilities: { auth: { settings: { port: 81 } } } } };
    expect(world.config).toMatchObject({ suites });
    expect(world.audit).toEqual([
      {
        ...{ event: 'policy-changed', actor: 'alice' },
        details: {
          ...{ edit: '+ core/auth port: 81', component: 'core/auth', key: 'port', reason: 'why' },
          config: digestOfValue(JSON.parse(JSON.stringify(world.config))),
        },
      },
    ]);
    await world.clock.advance(0);
    expect(world.deployer.requests).toHaveLength(2);
  });

  it('that are what they were already are no change and no record', async () => {
    const { put, world } = await set();
    await put('81');
    world.audit.length = 0;

    expect(await put('81')).toMatchObject({ settings: [row('81', 'instance')], changes: [] });
    expect(world.audit).toEqual([]);
  });

  it('are judged again by what is on disk when they are written', async () => {
    const { put, world } = await set();
    const { editConfig } = world.settings;
    const auth = { settings: { port: 79 } };
    world.settings.editConfig = (change, record) => {
      world.config = instanceConfig.parse({
        ...{ schema: 'fairlead/instance@1', suites: { core: { capabilities: { auth } } } },
      });
      return editConfig(change, record);
    };

    expect((await put('81')).changes).toEqual(['- core/auth port: 79', '+ core/auth port: 81']);
    expect(world.audit.at(-1)?.details.edit).toBe('- core/auth port: 79; + core/auth port: 81');
  });
});
