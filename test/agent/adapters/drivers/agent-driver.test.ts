// The agent's own update as its driver makes it: what is put where, who proves what, and who comes back.
import { appendFileSync, lstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PROOF_MS } from '../../../../agent/adapters/drivers/agent/agent-driver.ts';
import { slotsDirectoryOf } from '../../../../agent/adapters/machine/agent-slots.ts';
import { HandedOver } from '../../../../agent/core/deploy/failure.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { createSlottedAgent, OWN, type SlottedAgent, showAll } from '../../../support/agent-slots.ts';
import { until } from '../../../support/driver-contract.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';

const HANDED_OVER = expect.any(HandedOver);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('the agent in its slots', () => {
  let agent: SlottedAgent;

  /** Up to the end of the old process: what comes next is on trial. */
  async function handOver(version: string, reached = true, damages = 0) {
    const { own, driver } = agent.start();
    own.note('socket');
    own.noteRound({ reached, damages: async () => damages });
    await driver.prepare(agent.unit(version));
    expect(await failure(driver.start(agent.unit(version)))).toEqual(HANDED_OVER);
    expect(own.ending.aborted).toBe(true);
  }

  beforeEach(async () => {
    agent = await createSlottedAgent();
  });

  it('prepares a copy that nobody reaches through the store, and touches nothing that runs', async () => {
    const { driver } = agent.start();
    const unit = agent.unit('2.0.0');

    await driver.prepare(unit);
    appendFileSync(join(unit.workingDirectory, 'fairlead'), 'spoilt');

    expect(agent.current()).toBe('1.0.0');
    expect(await agent.slots.isIntact('b')).toBe(true);
    expect((await agent.slots.read()).notes.b).toMatchObject({ version: '2.0.0', identity: unit.identity });
    const mode = (name: string) => lstatSync(join(slotsDirectoryOf(agent.stateDir), name)).mode & 0o777;
    expect(['.', 'b', 'b/fairlead'].map(mode)).toEqual([0o755, 0o755, 0o755]);
  });

  it('refuses a copy that is not what was signed', async () => {
    const unit = agent.unit('2.0.0');
    appendFileSync(join(unit.workingDirectory, 'fairlead'), 'spoilt');

    const error = await rejectionOf(agent.start().driver.prepare(unit));

    expect(error).toMatchObject({ code: 'deploy/tree-damaged' });
    expect((await agent.slots.read()).notes.b).toBe(null);
  });

  it('refuses what cannot say its version on this machine, before anything stops', async () => {
    const { driver } = agent.start();
    const unit = agent.unit('2.0.0\nexit 1');

    expect(await rejectionOf(driver.prepare(unit))).toMatchObject({ code: 'service/not-runnable' });
  });

  it.each([{}, { FAIRLEAD_SUPERVISOR: '2' }])(
    'refuses where no unit of its contract started it: %j',
    async (environment) => {
      const { driver } = agent.start(environment as Record<string, string>);

      expect(await rejectionOf(driver.prepare(agent.unit('2.0.0')))).toMatchObject({
        code: 'service/no-slots',
      });
      expect(agent.link()).toBe('a');
    },
  );

  it('refuses a second capability that would be the agent too', async () => {
    await handOver('2.0.0');
    const { own, driver } = agent.start();
    showAll(own);
    await driver.start(agent.unit('2.0.0'));
    await driver.keepOnly(OWN, agent.unit('2.0.0'));

    const error = await rejectionOf(driver.prepare(agent.unit('3.0.0', 'core/other' as ComponentKey)));

    expect(dataOf(error, 'service/other-agent')).toEqual({ component: 'core/other', other: OWN });
  });

  it('starts nothing from a slot that was changed after it was filled', async () => {
    const { driver } = agent.start();
    await driver.prepare(agent.unit('2.0.0'));
    appendFileSync(join(slotsDirectoryOf(agent.stateDir), 'b/fairlead'), 'spoilt');

    expect(await rejectionOf(driver.start(agent.unit('2.0.0')))).toMatchObject({
      code: 'service/slot-damaged',
    });
    expect(agent.link()).toBe('a');
  });

  it('lets the new one run, and keeps the old one as the way back', async () => {
    await handOver('2.0.0');
    const { own, driver } = agent.start();
    const started = driver.start(agent.unit('2.0.0'));
    showAll(own);

    await started;
    await own.proved;
    await driver.keepOnly(OWN, agent.unit('2.0.0'));

    expect(agent.current()).toBe('2.0.0');
    expect(await agent.slots.read()).toMatchObject({ wayBack: null, trial: null });
    expect(await driver.runs(agent.unit('2.0.0'))).toBe(true);
    expect(await driver.status(OWN)).toMatchObject({ kind: 'running' });
    expect(await agent.slots.isIntact('a')).toBe(true);
    for (const _ of '12345') agent.supervise();
    expect(agent.current()).toBe('2.0.0');
  });

  it('goes from one to the next but one, and back to the version before', async () => {
    for (const version of ['2.0.0', '4.0.0', '2.0.0']) {
      await handOver(version);
      const { own, driver } = agent.start();
      showAll(own);
      await driver.start(agent.unit(version));
      await driver.keepOnly(OWN, agent.unit(version));
      expect(agent.current()).toBe(version);
    }
  });

  it('is started three times without a proof, and then the old one comes back and says so', async () => {
    await handOver('2.0.0');

    for (const start of ['first', 'second', 'third']) {
      agent.supervise();
      expect([start, agent.current()]).toEqual([start, '2.0.0']);
    }
    const { own, driver } = agent.start();

    expect(agent.current()).toBe('1.0.0');
    const error = await rejectionOf(driver.start(agent.unit('2.0.0')));
    expect(error).toMatchObject({ code: 'service/start-failed' });
    expect(own.ending.aborted).toBe(false);
    expect(await driver.stop(OWN, 0)).toBe('stopped');
    await driver.keepOnly(OWN, null);
    expect(await agent.slots.read()).toMatchObject({ current: 'a', wayBack: null, trial: null });
  });

  it('is counted down by the words of the unit, which say nothing where nothing is on trial', async () => {
    const said = [agent.superviseAsTheUnit()];
    await handOver('2.0.0');
    const seen: string[] = [];

    for (let start = 1; start <= 5; start++) {
      said.push(agent.superviseAsTheUnit());
      seen.push(agent.current());
    }

    expect(seen).toEqual(['2.0.0', '2.0.0', '2.0.0', '1.0.0', '1.0.0']);
    expect(said.join('')).toBe('');
  });

  it('has three starts again once it has proved itself', async () => {
    await handOver('2.0.0');
    agent.supervise();
    const { own, driver } = agent.start();
    showAll(own);

    await driver.start(agent.unit('2.0.0'));

    for (const _ of '123') agent.supervise();
    expect(agent.current()).toBe('2.0.0');
  });

  it('may be tried again by a deployment of its own once a person has released it', async () => {
    await handOver('2.0.0');
    for (const _ of '123') agent.supervise();
    const { driver } = agent.start();

    await driver.prepare(agent.unit('2.0.0'));

    expect(await failure(driver.start(agent.unit('2.0.0')))).toEqual(HANDED_OVER);
  });

  it.each([
    { lacks: 'a socket', show: (own: Own) => own.noteRound(GOOD), code: 'service/start-failed' },
    { lacks: 'a round', show: (own: Own) => own.note('socket'), code: 'service/start-failed' },
    { lacks: 'state', show: (own: Own) => showAll(own, 1), code: 'service/start-failed' },
    {
      lacks: 'the server that the old one had reached',
      show: (own: Own) => {
        own.note('socket');
        own.noteRound({ ...GOOD, reached: false });
      },
      code: 'service/agent-cut-off',
    },
  ])('does not prove itself in time without $lacks, and gives its place back', async ({ show, code }) => {
    await handOver('2.0.0');
    const { own, driver } = agent.start();
    const started = rejectionOf(driver.start(agent.unit('2.0.0')));
    show(own);

    await until(async () => agent.clock.nextWakeIn() !== null);
    await agent.clock.advance(PROOF_MS);

    expect(await started).toMatchObject({ code });
    expect(await failure(driver.stop(OWN, 0))).toEqual(HANDED_OVER);
    expect(agent.current()).toBe('1.0.0');
    expect(await rejectionOf(agent.start().driver.start(agent.unit('2.0.0')))).toMatchObject({
      code: 'service/start-failed',
    });
  });

  it('needs no server where the old one had not reached it either, nor state that was lost before', async () => {
    await handOver('2.0.0', false, 2);
    const { own, driver } = agent.start();
    own.note('socket');
    own.noteRound({ reached: false, damages: async () => 2 });

    await driver.start(agent.unit('2.0.0'));

    expect(agent.current()).toBe('2.0.0');
  });

  it('lets go at once when the machine shuts down in the middle of the trial', async () => {
    await handOver('2.0.0');
    const { own, driver } = agent.start();
    const started = failure(driver.start(agent.unit('2.0.0')));

    own.handOver();

    expect(await started).toEqual(HANDED_OVER);
  });

  it('takes what a person has installed over it for any version, until the next deployment of it', async () => {
    await handOver('2.0.0');
    const { own, driver } = agent.start();
    showAll(own);
    await driver.start(agent.unit('2.0.0'));
    await driver.keepOnly(OWN, agent.unit('2.0.0'));
    const note = (await agent.slots.read()).notes.b;
    if (note === null) throw new TypeError('it was deployed');
    await agent.slots.label('b', { ...note, identity: null });

    expect(await driver.runs(agent.unit('1.5.0'))).toBe(true);
    expect(await failure(driver.start(agent.unit('3.0.0')))).toEqual(HANDED_OVER);

    expect(agent.current()).toBe('3.0.0');
  });

  it('puts the new one into a slot again where what was prepared is gone', async () => {
    await agent.start().driver.prepare(agent.unit('2.0.0'));
    rmSync(join(slotsDirectoryOf(agent.stateDir), 'b'), { recursive: true });

    expect(await failure(agent.start().driver.start(agent.unit('2.0.0')))).toEqual(HANDED_OVER);

    expect(agent.current()).toBe('2.0.0');
  });

  it('is no other component', async () => {
    await handOver('2.0.0');
    const { driver } = agent.start();

    expect(await driver.stop('core/auth' as ComponentKey, 0)).toBe('stopped');
    expect(await driver.status('core/auth' as ComponentKey)).toEqual({ kind: 'absent' });
    await driver.keepOnly('core/auth' as ComponentKey, null);
    expect((await agent.slots.read()).wayBack).toBe('a');
  });

  it('takes notes that it cannot read for none', async () => {
    await handOver('2.0.0');
    writeFileSync(join(slotsDirectoryOf(agent.stateDir), 'trial.json'), '{');

    const { driver } = agent.start();

    expect(await driver.stop(OWN, 0)).toBe('stopped');
  });
});

type Own = ReturnType<SlottedAgent['start']>['own'];
const GOOD = { reached: true, damages: async () => 0 };
