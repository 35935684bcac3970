// What every driver promises, as one set of tests that each driver's own test file calls.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver, ServiceUnit } from '../../agent/ports/deploy.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';

/** What a driver under test runs: `steady` writes `ready` and stays, `stubborn` ignores TERM, `crashing` exits with 3 soon. */
export type Program = 'steady' | 'stubborn' | 'crashing' | 'missing';

export interface DriverHarness<Unit extends ServiceUnit> {
  /** The driver as a freshly started agent sees it; called again it is the next agent on the same machine. */
  driver(): Driver<Unit>;
  unit(program: Program, identity: string): Unit;
  /** Ends everything that was started and removes what it left. */
  dispose(): Promise<void>;
}

export const COMPONENT = 'core/auth' as ComponentKey;
const PATIENCE_MS = 5_000;

export function describeDriver<Unit extends ServiceUnit>(
  name: string,
  setUp: () => Promise<DriverHarness<Unit>>,
): void {
  describe(`${name} keeps the driver contract`, () => {
    let harness: DriverHarness<Unit>;
    let driver: Driver<Unit>;
    const never = new AbortController().signal;

    beforeEach(async () => {
      harness = await setUp();
      driver = harness.driver();
    });
    afterEach(() => harness.dispose());

    it('starts a service, says that it runs, and shows what it wrote', async () => {
      const unit = harness.unit('steady', 'v1');

      await driver.start(unit);

      expect((await driver.status(COMPONENT)).kind).toBe('running');
      expect(await driver.runs(unit)).toBe(true);
      await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));
    });

    it('tells what was written since the last start from what came before it, the next agent too', async () => {
      await driver.start(harness.unit('steady', 'v1'));
      await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));
      await driver.stop(COMPONENT, PATIENCE_MS);
      await driver.start(harness.unit('steady', 'v2'));

      for (const one of [driver, harness.driver()]) {
        await until(async () => (await one.logs(COMPONENT, 1024, 'start')).includes('ready'));
        expect((await one.logs(COMPONENT, 1024, 'start')).match(/ready/g)).toHaveLength(1);
        expect(await one.logs(COMPONENT, 1024, 0)).toContain('ready');
      }
    });

    it('leaves a service alone when exactly this unit runs already', async () => {
      await driver.start(harness.unit('steady', 'v1'));
      const before = await driver.status(COMPONENT);

      await driver.start(harness.unit('steady', 'v1'));

      expect(await driver.status(COMPONENT)).toEqual(before);
    });

    it('knows one unit from another of the same component', async () => {
      await driver.start(harness.unit('steady', 'v1'));

      expect(await driver.runs(harness.unit('steady', 'v2'))).toBe(false);
    });

    it('runs the next version after the one before was stopped', async () => {
      await driver.start(harness.unit('steady', 'v1'));
      await driver.stop(COMPONENT, PATIENCE_MS);

      await driver.start(harness.unit('steady', 'v2'));

      expect(await driver.runs(harness.unit('steady', 'v2'))).toBe(true);
      expect(await driver.runs(harness.unit('steady', 'v1'))).toBe(false);
    });

    it('stops a service and leaves no trace of it running', async () => {
      await driver.start(harness.unit('steady', 'v1'));
      // Before it has said so, it may not know yet what TERM asks for.
      await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));

      const outcome = await driver.stop(COMPONENT, PATIENCE_MS);

      expect(outcome).toBe('stopped');
      expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
    });

    it('stops what does not run', async () => {
      expect(await driver.stop(COMPONENT, PATIENCE_MS)).toBe('stopped');
      expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
    });

    it('kills a service that ignores the polite request', async () => {
      await driver.start(harness.unit('stubborn', 'v1'));
      await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));

      const outcome = await driver.stop(COMPONENT, 300);

      expect(outcome).toBe('killed');
      expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
    });

    it('notices at once that a service exits, and says how it ended', async () => {
      await driver.start(harness.unit('crashing', 'v1'));

      await driver.exited(COMPONENT, never);

      const status = await driver.status(COMPONENT);
      expect(status).toMatchObject({ kind: 'exited', detail: expect.stringContaining('3') });
    });

    it('does not wait for the exit of what does not run', async () => {
      await driver.exited(COMPONENT, never);

      expect((await driver.status(COMPONENT)).kind).toBe('absent');
    });

    it('stops waiting for an exit when nobody is interested any more', async () => {
      await driver.start(harness.unit('steady', 'v1'));
      const interest = new AbortController();

      const waiting = driver.exited(COMPONENT, interest.signal);
      interest.abort();
      await waiting;

      expect((await driver.status(COMPONENT)).kind).toBe('running');
    });

    it('refuses to start what is not there', async () => {
      await expect(driver.start(harness.unit('missing', 'v1'))).rejects.toMatchObject({
        code: 'service/start-failed',
        data: { component: COMPONENT },
      });
    });

    it('finds, watches and stops a service that an earlier agent started', async () => {
      await driver.start(harness.unit('steady', 'v1'));
      const before = await driver.status(COMPONENT);

      const next = harness.driver();
      await next.start(harness.unit('steady', 'v1'));

      expect(await next.status(COMPONENT)).toEqual(before);
      expect(await next.runs(harness.unit('steady', 'v1'))).toBe(true);
      expect(await next.stop(COMPONENT, PATIENCE_MS)).toBe('stopped');
      expect((await next.status(COMPONENT)).kind).toBe('absent');
    });
  });
}

/** Looks again every few milliseconds until the condition holds. */
export async function until(condition: () => Promise<boolean>, patienceMs = 10_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`it did not happen within ${patienceMs / 1000} s`);
    await delay(10);
  }
}
