// The audit log's account of deployments: each beginning and each end once, whatever was killed when.
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../../agent/core/audit-chain.ts';
import { createLedger } from '../../../../agent/engine/agent/ledger.ts';
import type { DeploymentRecord, DeploymentState } from '../../../../shared/schema/deployment.ts';
import { recordOf } from '../../../support/deployments.ts';

/** A log that outlives the agents which write to it. */
function createLog() {
  const told: AuditEvent[] = [];
  const log = {
    fails: false,
    lies: false,
    told: () => told.map(({ event, details }) => `${event} ${details.change}`),
    /** A new agent. */
    boot() {
      const ledger = createLedger({
        audit: {
          verify: async () => undefined,
          entries: async () => told as never,
          read: () => Promise.reject(new Error('nobody asks')),
          head: () => Promise.reject(new Error('nobody asks')),
          async append(act) {
            if (log.fails) throw new Error('no room');
            told.push(act);
            if (log.lies) throw new Error('no room, it said');
          },
        },
        settings: {} as never,
        log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      });
      return { note: (record: DeploymentRecord) => ledger.noteDeployments([record]) };
    },
  };
  return log;
}

const WAY: readonly DeploymentState[] = [
  'planned',
  'fetching',
  'staged',
  'preflight',
  'stopping',
  'committed',
];
const upTo = (count: number, id = 1) => recordOf(id, WAY.slice(0, count));

describe('the acts of a deployment', () => {
  it('are its beginning and its end, once each, however often its record is seen', async () => {
    const log = createLog();
    const acts = log.boot();

    for (let count = 1; count <= WAY.length; count++) await acts.note(upTo(count));
    await acts.note(upTo(WAY.length));

    expect(log.told()).toEqual(['deployment-started 1', 'deployment-ended 1']);
  });

  it.each(WAY.map((state, index) => [state, index + 1] as const))(
    'are whole after a kill right after %s was written',
    async (_, count) => {
      const log = createLog();
      for (let seen = 1; seen < count; seen++) await log.boot().note(upTo(seen));

      await log.boot().note(upTo(WAY.length));
      await log.boot().note(upTo(WAY.length));

      expect(log.told()).toEqual(['deployment-started 1', 'deployment-ended 1']);
    },
  );

  it('are told later where the log could not be written', async () => {
    const log = createLog();
    const acts = log.boot();
    log.fails = true;
    await acts.note(upTo(1));
    log.fails = false;

    await acts.note(upTo(WAY.length));

    expect(log.told()).toEqual(['deployment-started 1', 'deployment-ended 1']);
  });

  it('are told once where the log has the line though it said that it failed', async () => {
    const log = createLog();
    const acts = log.boot();
    log.lies = true;
    await acts.note(upTo(1));
    log.lies = false;

    await acts.note(upTo(WAY.length));

    expect(log.told()).toEqual(['deployment-started 1', 'deployment-ended 1']);
  });

  it('of several deployments do not stand for each other', async () => {
    const log = createLog();
    const acts = log.boot();

    await Promise.all([acts.note(upTo(6, 1)), acts.note(upTo(6, 2))]);

    expect(log.told()).toHaveLength(4);
  });
});
