// The command line while no agent runs: what the disk tells, and that it is left as it is.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createJsonFile } from '../../../agent/adapters/files/json-file.ts';
import { startCommand } from '../../../agent/adapters/machine/agent-unit.ts';
import { systemClock } from '../../../agent/adapters/machine/surroundings.ts';
import { writeEnrolment } from '../../../agent/adapters/server/enrolment-file.ts';
import { createAuditFile } from '../../../agent/adapters/state/audit-file.ts';
import { createDeploymentStore } from '../../../agent/adapters/state/deployment-store.ts';
import { createPolicy } from '../../../agent/adapters/state/settings.ts';
import { change, changes } from '../../../agent/cli/commands/changes.ts';
import { status } from '../../../agent/cli/commands/status.ts';
import { endOrRefuse } from '../../../agent/cli/commands/uninstall.ts';
import type { CliContext } from '../../../agent/cli/context.ts';
import type { AuditEvent } from '../../../agent/core/audit-chain.ts';
import { decisionRecord } from '../../../agent/core/conclude.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { createStyle } from '../../../shared/present/table.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { statusOf } from '../../support/answers.ts';
import { recordOf } from '../../support/deployments.ts';
import { describeDirectory, temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** An enrolled instance that was left alone, and a terminal where nobody answers the socket. */
async function atRest(
  left: { readonly events?: readonly AuditEvent['event'][]; readonly records?: readonly DeploymentRecord[] },
  json = false,
) {
  const stateDir = temporaryDirectory();
  const digest = digestOfValue('root');
  await writeEnrolment(stateDir, {
    schema: 'fairlead/enrolment@1',
    server: 'https://vendor.example',
    instance: '0f0e0d0c-0b0a-4908-8706-050403020100',
    name: 'first-customer',
    string: digest,
    root: { version: 1, digest, bytes: '' },
  });
  await createPolicy(stateDir);
  const decisions = createJsonFile(join(stateDir, 'decision.json'), decisionRecord, () => undefined);
  await decisions.write({
    schema: 'fairlead/decision-record@1',
    since: '2026-03-01T10:00:00Z',
    decision: { verdict: 'current', target: null, blockers: [], exposed: [] },
  });
  const audit = createAuditFile(stateDir, createFakeClock());
  for (const event of left.events ?? []) await audit.append({ event, actor: 'agent', details: {} });
  const store = createDeploymentStore({
    stateDir,
    treeDirectoryOf: (tree) => tree,
    onDamage: () => undefined,
  });
  for (const record of left.records ?? []) await store.writeRecord(record);
  const printed: string[] = [];
  const context: Pick<CliContext, 'stateDir' | 'json' | 'style' | 'client' | 'clock' | 'print'> = {
    stateDir,
    json,
    style: createStyle(false),
    clock: systemClock,
    client: {
      call: () =>
        Promise.reject(new FairleadError('agent/not-running', { socket: 'agent.sock', start: 'start it' })),
    },
    print: (text) => void printed.push(...text.split('\n')),
  };
  return { stateDir, context: context as CliContext, printed };
}

describe('status while no agent runs', () => {
  it.each([
    ['was stopped', ['agent-started', 'agent-stopped'], /not running: it was stopped at 2026-03-01T10:00:00/],
    ['was killed', ['agent-stopped', 'agent-started'], /without a word, last seen at 2026-03-01T10:00:00/],
    ['never ran', [], /never run here/],
  ] as const)('says so first, and that it %s', async (_what, events, first) => {
    const { context, printed, stateDir } = await atRest({ events });

    expect(await status(context)).toBe(3);

    expect(printed[0]).toMatch(first);
    expect(printed).toContain(`start it: fairlead agent run --state-dir ${stateDir}`);
    expect(printed.join()).toMatch(/Last decision, of 2026-03-01T10:00:00Z: current/);
  });

  it('names the deployment that was under way', async () => {
    const { context, printed } = await atRest({ records: [recordOf(1, ['planned', 'stopping'])] });

    await status(context);

    expect(printed).toContain('! change 1 was stopping: the agent ends it when it starts');
  });

  it('says what it cannot read, and goes on', async () => {
    const { context, printed, stateDir } = await atRest({ events: ['agent-started'] });
    rmSync(join(stateDir, 'settings.json'));
    writeFileSync(join(stateDir, 'decision.json'), '{');
    writeFileSync(join(stateDir, 'audit', 'log.jsonl'), 'not an entry\n');

    expect(await status(context)).toBe(3);

    expect(printed.filter((line) => line.startsWith('! '))).toHaveLength(3);
    expect(printed).toContain('Channel unknown: frozen, generation none');
  });

  it('prints one versioned JSON value when asked to, and writes nothing anywhere', async () => {
    const { context, printed, stateDir } = await atRest({ events: ['agent-started'] }, true);
    const before = describeDirectory(stateDir);

    await status(context);

    expect(JSON.parse(printed.join('\n'))).toMatchObject({
      schema: 'fairlead/status-at-rest@1',
      agent: { ended: 'killed' },
      channel: 'auto',
      decided: { decision: { verdict: 'current' } },
    });
    expect(describeDirectory(stateDir)).toEqual(before);
  });

  it('is refused where nothing is enrolled', async () => {
    const { context, stateDir } = await atRest({});
    rmSync(join(stateDir, 'enrolment.json'));

    expect((await rejectionOf(status(context))).code).toBe('enrolment/missing');
  });

  it('says only that nobody answers where the disk may not be read', async () => {
    const { context, stateDir } = await atRest({});
    writeFileSync(join(stateDir, 'enrolment.json'), 'damaged');

    expect((await rejectionOf(status(context))).code).toBe('agent/not-running');
  });
});

describe('changes while no agent runs', () => {
  it('come from the disk, after the word that they do', async () => {
    const { context, printed } = await atRest({ records: [recordOf(1, ['planned', 'committed'])] });

    expect(await changes(context)).toBe(3);
    expect(await change(context, 1)).toBe(3);

    expect(printed.filter((line) => line.startsWith('the agent is not running'))).toHaveLength(2);
    expect(printed.join()).toMatch(/1 +Done .*change 1: committed/);
  });

  it('are the same JSON as the agent’s', async () => {
    const { context, printed } = await atRest({ records: [recordOf(1, ['planned', 'committed'])] }, true);

    await changes(context);

    expect(JSON.parse(printed.join('\n'))).toMatchObject({
      schema: 'fairlead/changes@1',
      changes: [{ id: 1 }],
    });
  });

  it('refuse a number that there is none of', async () => {
    const { context } = await atRest({});

    expect((await rejectionOf(change(context, 7))).code).toBe('change/not-found');
  });
});

describe('the command that starts an agent', () => {
  it('is the service manager’s where the unit is for this state directory', () => {
    const units = temporaryDirectory();
    const unit = 'ExecStart=:"/usr/bin/fairlead" "--state-dir" "/srv/a" "agent" "run"\n';
    writeFileSync(join(units, 'fairlead-agent.service'), unit);

    expect(startCommand('/srv/a', units)).toBe('systemctl start fairlead-agent.service');
    expect(startCommand('/srv/b c', units)).toBe("fairlead agent run --state-dir '/srv/b c'");
    expect(startCommand('/srv/a', '/nowhere')).toBe('fairlead agent run --state-dir /srv/a');
  });
});

describe('an agent that is to be uninstalled', () => {
  const half = { ...recordOf(4, ['planned', 'starting']), state: 'starting' as const };

  /** `answers` is the deployment of an agent that answers until it is stopped. */
  async function asked(answers: DeploymentRecord | null | 'nothing', records: readonly DeploymentRecord[]) {
    const { context } = await atRest({ records });
    const done: string[] = [];
    const silent = context.client;
    const call = async () => statusOf({ inProgress: answers === 'nothing' ? null : answers });
    const client = answers === 'nothing' ? silent : ({ call } as unknown as typeof silent);
    const at = { ...context, client };
    const service = {
      isWanted: async () => false,
      stop: async () => {
        done.push('stop');
        at.client = silent;
      },
      start: async () => void done.push('start'),
    };
    const end = await endOrRefuse(at, service).catch((error: FairleadError) => error.data);
    return { end, done };
  }

  it.each([
    ['is refused while it has something stopped', half, [half], { change: 4, state: 'starting' }, []],
    ['is stopped where nothing is under way', null, [recordOf(3, ['planned', 'committed'])], null, ['stop']],
    [
      'is stopped where nothing was touched yet',
      { ...half, state: 'fetching' as const },
      [{ ...half, state: 'fetching' as const }],
      null,
      ['stop'],
    ],
    [
      'is started again where it began in the moment between',
      null,
      [half],
      { change: 4, state: 'starting' },
      ['stop', 'start'],
    ],
  ])('%s', async (_, answers, records, end, done) => {
    expect(await asked(answers, records)).toEqual({ end, done });
  });

  describe.each([
    ['is silent', new FairleadError('agent/silent', { socket: 'agent.sock', seconds: 30 })],
    ['goes away while it is asked', new FairleadError('agent/went-away', { socket: 'agent.sock' })],
    ['answers what this program cannot read', new SyntaxError('Unexpected token')],
  ])('and %s', (_what, failure) => {
    /** `between` is what it has on disk once it is stopped. */
    async function unclear(before: DeploymentRecord[], between: DeploymentRecord[]) {
      const { context, stateDir } = await atRest({ records: before });
      const done: string[] = [];
      const store = createDeploymentStore({
        ...{ stateDir, treeDirectoryOf: (tree) => tree, onDamage: () => undefined },
      });
      const at = { ...context, client: { call: () => Promise.reject(failure) } } as unknown as CliContext;
      const service = {
        isWanted: async () => false,
        stop: async () => {
          done.push('stop');
          for (const record of between) await store.writeRecord(record);
        },
        start: async () => void done.push('start'),
      };
      const end = await endOrRefuse(at, service).catch((error: FairleadError) => error.data);
      return { end, done };
    }

    it('is refused where the disk has something stopped', async () => {
      expect(await unclear([half], [])).toEqual({ end: { change: 4, state: 'starting' }, done: [] });
    });

    it('is started again where the disk has it afterwards', async () => {
      const end = { change: 4, state: 'starting' };

      expect(await unclear([], [half])).toEqual({ end, done: ['stop', 'start'] });
    });

    it('is stopped where nothing is under way', async () => {
      expect(await unclear([recordOf(3, ['planned', 'committed'])], [])).toEqual({
        ...{ end: null, done: ['stop'] },
      });
    });
  });

  it('is refused nothing where nothing was ever enrolled', async () => {
    const { context, stateDir } = await atRest({});
    rmSync(stateDir, { recursive: true });

    expect(await endOrRefuse(context)).toBeNull();
  });

  it('goes with a word of what nobody will finish, where it does not answer', async () => {
    expect(await asked('nothing', [half])).toMatchObject({ end: { id: 4, state: 'starting' }, done: [] });
  });

  it('is refused between two processes of the agent, of which the second goes on with what the first began', async () => {
    const { context } = await atRest({ records: [half] });
    const never = async () => expect.fail('it is stopped');
    const service = { isWanted: async () => true, stop: never, start: never };

    const refused = await endOrRefuse(context, service).catch((error: FairleadError) => error.data);

    expect(refused).toEqual({ change: 4, state: 'starting' });
  });
});
