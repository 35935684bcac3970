// Housekeeping for services: once a minute, whatever else goes on.
import { expect, it } from 'vitest';
import { auth } from '../../../support/deploy-instance.ts';
import { createWorld, deploy } from '../../../support/deploy-world.ts';

it('looks after the logs of services also while a deployment soaks', async () => {
  const world = createWorld({ soakMs: 600_000 });
  const { deployer, calls } = world.boot();
  const ended = new AbortController();
  const supervision = deployer.supervise(ended.signal);

  const { state } = await deploy(deployer, auth('1.0.0'));
  ended.abort();
  await supervision;

  expect(state).toBe('committed');
  const soak = calls.slice(calls.findIndex(({ detail }) => detail === 'entered soaking'));
  const looks = soak.filter(({ port }) => port === 'driver.maintain');
  expect(looks.length).toBeGreaterThanOrEqual(9);
  expect(looks.length).toBeLessThanOrEqual(11);
});
