// What the agent writes it can read again, whatever text a service, a release or a person brought.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJsonFile } from '../../../../agent/adapters/files/json-file.ts';
import { readEnrolment, writeEnrolment } from '../../../../agent/adapters/server/enrolment-file.ts';
import { createAuditFile } from '../../../../agent/adapters/state/audit-file.ts';
import { createDeploymentStore } from '../../../../agent/adapters/state/deployment-store.ts';
import { createJournal } from '../../../../agent/adapters/state/journal.ts';
import { createPolicy, createSettings } from '../../../../agent/adapters/state/settings.ts';
import { approvalsFile, NO_APPROVALS } from '../../../../agent/core/approvals.ts';
import { decisionRecord } from '../../../../agent/core/conclude.ts';
import { failureOf } from '../../../../agent/core/deploy/failure.ts';
import { selectQuarantined } from '../../../../agent/core/deploy/quarantine.ts';
import { change, NO_PROPOSALS, proposalsFile, takeIn, withAnswer } from '../../../../agent/core/proposals.ts';
import type { StoredGeneration } from '../../../../agent/ports/state.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { instanceConfig } from '../../../../shared/schema/instance.ts';
import { policy } from '../../../../shared/schema/policy.ts';
import { proposal } from '../../../../shared/schema/proposal.ts';
import { AUTH, deployableOf, planOf } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { endlessText, hostileText } from '../../../support/hostile-text.ts';

const RUNS = Number(process.env.FAIRLEAD_PROPERTY_RUNS ?? 40);
const AT = '2026-03-01T10:00:00Z';
const DIGEST = `sha256:${'0'.repeat(64)}`;
const deployable = deployableOf({ [AUTH]: '1.0.0' });
const noDamage = (problem: unknown) => {
  throw new Error('damaged', { cause: problem });
};
const storeIn = (stateDir: string) =>
  createDeploymentStore({
    stateDir,
    treeDirectoryOf: (tree) => join(stateDir, hexOf(tree)),
    onDamage: noDamage,
  });
const line = hostileText(300).filter((text) => text.length > 0);

function generationWith(text: string): StoredGeneration {
  const suites = { core: { capabilities: { auth: { settings: { greeting: text } } } } };
  const config = instanceConfig.parse({ schema: 'fairlead/instance@1', suites });
  return {
    ...deployable,
    config,
    number: 1,
    plan: planOf(null, deployable),
    healthy: false,
    committedBy: null,
  };
}

/** Each writes hostile text as the agent would and answers what is read from the disk afterwards. */
const STORES: readonly (readonly [
  string,
  fc.Arbitrary<string>,
  (dir: string, text: string) => Promise<string>,
])[] = [
  [
    'the quarantine',
    endlessText,
    async (dir, text) => {
      const failed = recordOf(1, ['planned', 'rolled-back']);
      const failure = failureOf(
        new FairleadError('deploy/unhealthy', { component: AUTH, detail: text } as never),
      );
      const target = generationWith('');
      const entries = selectQuarantined({
        record: failed,
        target,
        previous: null,
        known: [],
        failure,
        degraded: new Set(),
        earlier: [],
        at: AT,
      });
      await storeIn(dir).changeQuarantine(() => entries);
      return (await storeIn(dir).quarantine())[0]?.reason ?? 'nothing';
    },
  ],
  [
    'the journal',
    endlessText,
    async (dir, text) => {
      const failure = failureOf(new Error(text));
      const journal = createJournal({ stateDir: dir });
      await journal.begin(1, 10);
      await journal.append({ kind: 'entered', sequence: 1, at: AT, state: 'rolling-back', failure });
      await journal.append({ kind: 'left', sequence: 2, at: AT });
      const read = await createJournal({ stateDir: dir }).read();
      expect([read?.damaged, read?.entries.length]).toEqual([false, 2]);
      const [entry] = read?.entries ?? [];
      return entry?.kind === 'entered' ? (entry.failure?.message ?? '') : 'nothing';
    },
  ],
  [
    'a record',
    line,
    async (dir, text) => {
      await storeIn(dir).writeRecord(recordOf(1, ['planned'], { note: text, actor: text }));
      return (await storeIn(dir).records())[0]?.note ?? 'nothing';
    },
  ],
  [
    'evidence',
    endlessText,
    async (dir, text) => {
      const components = [{ component: AUTH as ComponentKey, status: 'exited', health: text, log: text }];
      await storeIn(dir).writeEvidence({ deployment: 1, at: AT, components });
      return JSON.parse(readFileSync(join(dir, 'records/1.evidence.json'), 'utf8')).components[0].log;
    },
  ],
  [
    'a generation',
    hostileText(2000),
    async (dir, text) => {
      await storeIn(dir).addGeneration(generationWith(text));
      const [read] = await storeIn(dir).generations();
      return String(read?.config.suites.core?.capabilities.auth?.settings.greeting);
    },
  ],
  [
    'the policy',
    line,
    async (dir, text) => {
      await createPolicy(dir);
      const pin = { level: 'suite', name: 'core', version: '1.x', owner: text, reason: text };
      const settings = createSettings(dir, join(dir, 'instance.json'));
      await settings.edit(
        (known) => ({ ...(known ?? policy.parse({})), pins: [pin as never] }),
        async () => undefined,
      );
      const state = await settings.policy();
      return state.kind === 'readable' ? (state.policy.pins[0]?.reason ?? '') : state.problem;
    },
  ],
  [
    'the decision',
    endlessText,
    async (dir, text) => {
      const blockers = [{ code: 'x', message: text, source: text, owner: 'admin' as const }];
      const decision = { verdict: 'held' as const, target: null, blockers, exposed: [] };
      const file = () => createJsonFile(join(dir, 'decision.json'), decisionRecord, noDamage);
      await file().write({ schema: 'fairlead/decision-record@1', since: AT, decision });
      return (await file().read())?.decision.blockers[0]?.message ?? 'nothing';
    },
  ],
  [
    'the approvals',
    line,
    async (dir, text) => {
      const statement = {
        schema: 'fairlead/approval@1' as const,
        plan: DIGEST as never,
        verdict: 'approve' as const,
        by: text,
        reason: text,
        at: AT,
        expires: '2026-03-02T10:00:00Z',
      };
      const receipt = { schema: 'fairlead/receipt@1' as const, authority: 'socket' as const, statement };
      const file = () => createJsonFile(join(dir, 'receipts.json'), approvalsFile, noDamage);
      await file().write({ ...NO_APPROVALS, receipts: [{ receipt, received: AT, after: 0 }] });
      return (await file().read())?.receipts[0]?.receipt.statement.reason ?? 'nothing';
    },
  ],
  [
    'the audit log',
    endlessText,
    async (dir, text) => {
      const clock = createFakeClock();
      const log = createAuditFile(dir, clock);
      await log.append({
        event: 'policy-changed',
        actor: text === '' ? 'x' : text,
        details: { reason: text },
      });
      await log.append({ event: 'agent-stopped', actor: 'agent', details: {} });
      const entries = await createAuditFile(dir, clock).entries();
      expect(entries).toHaveLength(2);
      return String(entries[0]?.details.reason);
    },
  ],
  [
    'proposals and their answers',
    line,
    async (dir, text) => {
      const file = createJsonFile(join(dir, 'proposals.json'), proposalsFile, noDamage);
      const offered = proposal.parse({
        ...{ id: '0f0e0d0c-0b0a-4908-8706-050403020100', revision: 1, wish: { kind: 'rollback' } },
        ...{ reason: text, by: text, proposed: AT, expires: '2036-01-01T00:00:00Z' },
      });
      const { file: taken, entry } = takeIn(NO_PROPOSALS, offered, 0);
      if (entry === null) return 'nothing';
      await file.write(change(taken, withAnswer(entry, 'refused', { text, by: text }, 0)));
      const [one] = (await file.read())?.entries ?? [];
      return `${one?.answer?.text ?? 'nothing'}${one?.proposal.reason ?? ''}`;
    },
  ],
  [
    'the enrolment',
    line,
    async (dir, text) => {
      const root = { version: 1, digest: DIGEST as never, bytes: 'e30=' };
      const instance = '0'.repeat(8) + '-0000-0000-0000-' + '0'.repeat(12);
      await writeEnrolment(dir, {
        schema: 'fairlead/enrolment@1',
        server: 'https://vendor.example',
        instance,
        name: text,
        string: DIGEST as never,
        root,
      });
      return (await readEnrolment(dir))?.name ?? 'nothing';
    },
  ],
];

describe('hostile text', () => {
  it.each(STORES)('in %s can be read again', async (_store, texts, writeAndRead) => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const read = await writeAndRead(temporaryDirectory(), text);

        expect(read.isWellFormed()).toBe(true);
        expect(read).not.toBe('nothing');
      }),
      { numRuns: RUNS },
    );
  });

  it('that an earlier version cut in the middle of a pair is still read', async () => {
    const dir = temporaryDirectory();
    const entry = {
      component: AUTH,
      release: DIGEST,
      version: '1.0.0',
      since: AT,
      reason: '\ud83d \\ud83d',
      record: 1,
    };
    writeFileSync(join(dir, 'quarantine.json'), JSON.stringify([entry]));

    expect((await storeIn(dir).quarantine())[0]?.reason).toBe('\ufffd \\ud83d');
  });

  it('is refused, and what was there stays, where no reader would take it', async () => {
    const dir = temporaryDirectory();
    const store = storeIn(dir);
    await store.writeRecord(recordOf(1, ['planned']));

    await expect(
      store.writeRecord(recordOf(1, ['planned'], { note: 'x'.repeat(301) })),
    ).rejects.toMatchObject({
      code: 'document/invalid',
    });
    expect(await store.records()).toHaveLength(1);
  });
});
