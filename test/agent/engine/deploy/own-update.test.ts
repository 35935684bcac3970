// The agent deploys the agent: one record across two processes, told by whichever of them is there at the end.
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createDriverRouter } from '../../../../agent/adapters/drivers/driver-router.ts';
import { nameCurrent, slotsDirectoryOf } from '../../../../agent/adapters/machine/agent-slots.ts';
import { installSlot } from '../../../../agent/adapters/machine/install-slot.ts';
import { ownComponentOf } from '../../../../agent/core/deploy/generation.ts';
import type { Driver, ServiceUnit } from '../../../../agent/ports/deploy.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import {
  agentUnit,
  createSlottedAgent,
  OWN,
  type SlottedAgent,
  showAll,
} from '../../../support/agent-slots.ts';
import { AUTH, deployableOf, type Extras, releaseOf } from '../../../support/deploy-releases.ts';
import { createWorld, deploy, type World } from '../../../support/deploy-world.ts';
import { until } from '../../../support/driver-contract.ts';

const QUIET: Extras = { health: [], smoke: [], hooks: {} };
const own = (version: string, more: Extras = {}) =>
  releaseOf(OWN, version, { service: { driver: 'agent', exec: ['./fairlead'] }, ...QUIET, ...more });
const product = (agentVersion: string | null, auth = '1.0.0') =>
  deployableOf({ [AUTH]: auth, ...(agentVersion === null ? {} : { [OWN]: own(agentVersion) }) });
const NOTHING: Driver = {
  prepare: async () => undefined,
  keepOnly: async () => undefined,
  start: async () => undefined,
  stop: async () => 'stopped',
  status: async () => ({ kind: 'absent' }),
  runs: async () => false,
  exited: async () => undefined,
  logs: async () => '',
  ranOnce: async () => [],
  maintain: async () => undefined,
};

describe('a deployment of the agent itself', () => {
  let agent: SlottedAgent;
  let world: World;
  let started: ReturnType<SlottedAgent['start']>;

  beforeEach(async () => {
    agent = await createSlottedAgent();
    world = createWorld({ driverOver: (machine) => withOwn(machine) });
  });

  /** The real driver of the agent beside the machine in memory; trees lie where they really are. */
  function withOwn(machine: Driver): Driver {
    const { driver } = started;
    const inTree = ({ identity }: ServiceUnit) => ({ ...agentUnit(agent.stateDir, '2.0.0'), identity });
    const placed: Driver = {
      ...(driver as Driver),
      prepare: (unit) => driver.prepare(inTree(unit)),
      start: (unit) => driver.start(inTree(unit)),
    };
    return createDriverRouter({
      ...{ process: machine, systemd: NOTHING, command: NOTHING, compose: NOTHING },
      agent: placed as never,
    });
  }
  /** What the service manager does whenever an agent has ended, and what the agent's entry does then. */
  function boot() {
    started = agent.start();
    const { deployer } = world.boot();
    started.own.ending.addEventListener('abort', () => void deployer.leave());
    return { deployer, own: started.own };
  }

  /** The service and its slots were removed, and another executable was installed. */
  async function byPerson(version: string) {
    rmSync(slotsDirectoryOf(agent.stateDir), { recursive: true });
    const source = join(agent.stateDir, 'source');
    writeFileSync(source, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    await installSlot({ stateDir: agent.stateDir, source, version });
  }

  /** As the agent's entry does it. */
  async function bootNamed() {
    const booted = boot();
    await nameCurrent(agent.stateDir, ownComponentOf(await booted.deployer.generations()));
    return booted;
  }

  async function running(agentVersion: string | null) {
    const { deployer, own: process } = boot();
    showAll(process);
    const record = await deploy(deployer, product(agentVersion));
    await deployer.leave();
    if (agentVersion === null) return record;
    const next = boot();
    showAll(next.own);
    await next.deployer.recover();
    const [last] = (await next.deployer.records()).slice(-1);
    await next.deployer.leave();
    return last;
  }

  it('is one record, begun by the old process and committed by the new one', async () => {
    await running(null);
    const old = boot();
    showAll(old.own);

    const left = await deploy(old.deployer, product('2.0.0'));
    await old.deployer.leave();
    const next = boot();
    showAll(next.own);
    await next.deployer.recover();

    expect(left.state).toBe('starting');
    expect((await next.deployer.records()).at(-1)).toMatchObject({ id: left.id, state: 'committed' });
    expect(agent.current()).toBe('2.0.0');
    expect(await agent.slots.read()).toMatchObject({ trial: null, wayBack: null });
    expect(world.running()).toEqual([`${AUTH}@1.0.0`]);
  });

  it('is rolled back and quarantined by the old one where the new one never came up', async () => {
    await running(null);
    const old = boot();
    showAll(old.own);
    const left = await deploy(old.deployer, product('2.0.0'));
    for (const _ of '123') agent.supervise();

    const back = boot();
    await back.deployer.recover();

    const record = (await back.deployer.records()).at(-1);
    expect(record).toMatchObject({
      id: left.id,
      state: 'rolled-back',
      failure: { code: 'service/start-failed' },
    });
    expect((await back.deployer.quarantine()).map(({ component }) => component)).toEqual([OWN]);
    expect(agent.current()).toBe('1.0.0');
    expect((await agent.slots.read()).trial).toBe(null);
    expect(world.running()).toEqual([`${AUTH}@1.0.0`]);
  });

  it('is rolled back across both where the new one finds that it cannot prove itself', async () => {
    await running(null);
    const old = boot();
    showAll(old.own);
    await deploy(old.deployer, product('2.0.0'));
    const next = boot();
    next.own.note('socket');
    const recovered = next.deployer.recover();
    await until(async () => agent.clock.nextWakeIn() !== null);
    await agent.clock.advance(agent.clock.nextWakeIn() ?? 0);
    await recovered;
    expect(next.deployer.inProgress()).toBe(null);
    expect((await next.deployer.records()).at(-1)?.state).toBe('rolling-back');

    const back = boot();
    await back.deployer.recover();

    expect((await back.deployer.records()).at(-1)).toMatchObject({
      state: 'rolled-back',
      failure: { code: 'service/start-failed' },
    });
    expect(agent.current()).toBe('1.0.0');
  });

  it('goes last, and does not go where another part of the deployment fails', async () => {
    await running('2.0.0');
    world.behaviours.set(`${AUTH}@1.1.0`, 'red');
    const { deployer, own: process } = boot();
    showAll(process);

    const record = await deploy(deployer, product('3.0.0', '1.1.0'));

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/unhealthy' } });
    expect(process.ending.aborted).toBe(false);
    expect((await agent.slots.read()).trial).toBe(null);
    expect(agent.link()).toBe('b');
  });

  it('goes last also over what a person has installed in its place', async () => {
    await running('2.0.0');
    await byPerson('1.5.0');
    world.behaviours.set(`${AUTH}@1.1.0`, 'red');
    const { deployer, own: process } = await bootNamed();
    showAll(process);

    const record = await deploy(deployer, product('3.0.0', '1.1.0'));

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/unhealthy' } });
    expect(process.ending.aborted).toBe(false);
  });

  it('goes on in slots that were removed in the middle of it, and made anew by an older agent', async () => {
    await running('2.0.0');
    const old = boot();
    showAll(old.own);
    const left = await deploy(old.deployer, product('3.0.0'));
    await old.deployer.leave();
    await byPerson('1.5.0');

    const older = await bootNamed();
    showAll(older.own);
    await older.deployer.recover();
    const next = boot();
    showAll(next.own);
    await next.deployer.recover();

    expect((await next.deployer.records()).at(-1)).toMatchObject({ id: left.id, state: 'committed' });
    expect(await agent.slots.read()).toMatchObject({ current: 'b', trial: null, wayBack: null });
  });

  it('comes to the end of its rollback on what a person has put there meanwhile', async () => {
    await running('2.0.0');
    const old = boot();
    showAll(old.own);
    await deploy(old.deployer, product('3.0.0'));
    await byPerson('1.5.0');
    appendFileSync(join(agentUnit(agent.stateDir, '2.0.0').workingDirectory, 'fairlead'), 'spoilt');
    const older = await bootNamed();
    await older.deployer.recover();

    expect((await older.deployer.records()).at(-1)).toMatchObject({ state: 'rolled-back' });
    expect((await agent.slots.read()).current).toBe('a');
    const [own] = (await older.deployer.health()).filter(({ component }) => component === OWN);
    expect(own).toMatchObject({ status: { kind: 'running' } });
  });

  it('goes back by an ordinary rollback, which is a trial of its own', async () => {
    await running('2.0.0');
    await running('3.0.0');
    const { deployer, own: process } = boot();
    showAll(process);

    const left = await deployer.rollback({ reason: 'slow', actor: 'root' });
    await deployer.leave();
    const back = boot();
    showAll(back.own);
    await back.deployer.recover();

    expect(left.state).toBe('starting');
    expect((await back.deployer.records()).at(-1)).toMatchObject({
      state: 'committed',
      reason: { kind: 'rollback' },
    });
    expect((await agent.slots.read()).current).toBe('b');
  });

  it('ends its trial also where the power went between the commit and the end', async () => {
    await running('2.0.0');
    const identity = (await agent.slots.read()).notes.b?.identity ?? '';
    await agent.slots.beginTrial({ from: 'a', to: 'b' }, {
      ...{ schema: 'fairlead/agent-trial@1', component: OWN, identity, slot: 'b', from: 'a' },
      ...{ began: '2026-03-01T10:00:00Z', needsServer: true, damages: 0 },
    } as never);

    const { deployer, own: process } = boot();
    await deployer.recover();
    await process.proved;

    expect(await agent.slots.read()).toMatchObject({ current: 'b', wayBack: null, trial: null });
  });

  it('begins nothing else while a trial runs', async () => {
    await running(null);
    const old = boot();
    showAll(old.own);
    await deploy(old.deployer, product('2.0.0'));
    const next = boot();
    const recovered = next.deployer.recover();
    await until(async () => next.deployer.inProgress() !== null);

    const refused = await deploy(next.deployer, product('2.0.0', '1.1.0')).catch((error) => error.code);

    showAll(next.own);
    await recovered;
    expect(refused).toBe('deploy/busy');
  });

  it('leaves what a person installed over it alone, through a boot and through deployments of others', async () => {
    await running('2.0.0');
    const note = (await agent.slots.read()).notes.b;
    await agent.slots.label('b', { ...note, identity: null } as never);
    const { deployer, own: process } = boot();
    showAll(process);
    await deployer.recover();

    const record = await deploy(deployer, product('2.0.0', '1.1.0'));

    expect(record.state).toBe('committed');
    expect(process.ending.aborted).toBe(false);
    expect((await agent.slots.read()).current).toBe('b');
    expect(world.running()).toEqual([`${AUTH}@1.1.0`]);
  });

  it('stays where it is when the product has it no more', async () => {
    await running('2.0.0');
    const { deployer, own: process } = boot();
    showAll(process);

    const record = await deploy(deployer, product(null));

    expect(record.state).toBe('committed');
    expect(process.ending.aborted).toBe(false);
    expect((await agent.slots.read()).current).toBe('b');
    expect(world.pidOf(OWN as ComponentKey)).toBe(null);
  });
});
