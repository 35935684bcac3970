// `trace` with the log of an install: whether both sides say the same of each deployment.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AuditEvent, chainEntry } from '../../../../agent/core/audit-chain.ts';
import { fromUtf8 } from '../../../../shared/encoding/bytes.ts';
import { EMPTY_AUDIT } from '../../../../shared/schema/audit-chain.ts';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import { INSTALL, serverLog, withEnd } from '../../../support/ledgers.ts';
import { digestOfText } from '../../../support/publications.ts';
import { recordOf } from '../../../support/reports.ts';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

const AT = '2026-11-20T12:00:00.000Z';
const PLAN = digestOfText('plan');
let vendor: Vendor;
let log = '';

const begun = (change: number, plan = PLAN): AuditEvent => ({
  ...{ event: 'deployment-started', actor: 'agent', details: { change, plan, reason: 'channel' } },
});
const ended = (change: number, state: string): AuditEvent => ({
  ...{ event: 'deployment-ended', actor: 'agent', details: { change, state, failure: null } },
});
const reported = (id: number, state: DeploymentState, change = 'CHG-1') => ({
  ...{ instance: INSTALL, instanceName: 'Oslo', state, started: AT, updated: '2026-11-20T12:01:00Z' },
  record: recordOf(id, state, change),
});

beforeAll(async () => {
  vendor = await createVendor();
  log = join(vendor.directory, 'install.jsonl');
  vendor.server.instances.push({
    ...{ id: INSTALL, name: 'Oslo', hostname: 'host', agentVersion: '0.1.0', enrolled: AT },
    ...{ lastSeen: null, channel: null, manifest: null, verdict: null },
  });
  vendor.server.deployments.push(
    ...[reported(5, 'committed'), reported(4, 'verifying'), reported(3, 'committed')],
    ...[reported(2, 'committed'), reported(1, 'rolled-back')],
  );
});
afterAll(() => vendor.close());
beforeEach(() => void vendor.server.heads.clear());

/** The log, and what the server keeps of it: its end, kept at a time. */
function write(at: string, digest?: string): void {
  let head = EMPTY_AUDIT;
  const first: AuditEvent = { event: 'enrolled', actor: 'root', details: { instance: INSTALL } };
  const events = [
    ...[first, begun(1), ended(1, 'rolled-back'), begun(2), ended(2, 'rolled-back')],
    ...[begun(3, digestOfText('another')), ended(3, 'committed'), begun(4), begun(6), ended(6, 'committed')],
  ];
  const lines = events.map((event) => {
    const next = chainEntry(head, event, AT);
    head = next.head;
    return `${fromUtf8(next.line)}\n`;
  });
  writeFileSync(log, lines.join(''));
  vendor.server.heads.set(INSTALL, [{ count: head.count, digest: digest ?? head.digest, at }]);
}

it('says of each deployment what both say of it, and which the install alone knows', async () => {
  write('2026-11-20T13:00:00Z');
  const { agreement, heads } = await vendor.json('trace', 'Oslo', '--ledger', log);

  const said = (agreement as { record: number; said: string }[]).map((one) => [one.record, one.said]);
  expect(said).toEqual([
    ...[
      [5, 'server'],
      [4, 'both'],
      [3, 'differs'],
      [2, 'differs'],
      [1, 'both'],
    ],
    [6, 'install'],
  ]);
  expect(heads).toHaveLength(1);
  const { out } = await vendor.run('trace', 'Oslo', '--ledger', log);
  expect(out).toContain('THE LOG SAYS OTHERWISE');
  expect(out).toMatch(/2026-11-20 \(10\)/);
  expect(out).toContain('in the install’s log alone: change 6');
});

it('says since when what was reported is sealed by a head that the server keeps, also without the log', async () => {
  write('2026-11-20T12:00:30Z');
  expect((await vendor.run('trace', 'Oslo')).out).toContain('not yet');
  vendor.server.heads.clear();
  expect(await vendor.json('trace', 'Oslo')).toMatchObject({ heads: [] });
});

it('refuses a log that is not the one whose heads the server keeps', async () => {
  write('2026-11-20T13:00:00Z', digestOfText('another log'));
  expect(await vendor.refusal('trace', 'Oslo', '--ledger', log)).toBe('audit/forked');
});

it('says by its own option that a log is of no install', async () => {
  writeFileSync(log, withEnd(serverLog([{ action: 'enrolment.created', subject: 'Oslo' }])));
  expect(await vendor.refusal('trace', 'Oslo', '--ledger', log)).toBe('vendor/option-invalid');
});

it('says the same of the deployments of a change', async () => {
  write('2026-11-20T13:00:00Z');
  const id = await openAndBuild(vendor, 'core/auth@1.0.0');
  vendor.server.changes.set(id, (await vendor.json('trace', id)).change as never);
  const { agreement } = await vendor.json('trace', id, '--ledger', log);
  expect((agreement as object[]).length).toBe(5);
});

it.each<[string, unknown]>([
  ['no list', 'heads'],
  ['one of no time', [{ count: 3, digest: digestOfText('x'), at: 'yesterday' }]],
  ['one of no entries', [{ count: 0, digest: digestOfText('x'), at: AT }]],
  ['one of more than can be counted', [{ count: 1e300, digest: digestOfText('x'), at: AT }]],
  ['one of no digest', [{ count: 3, digest: 'sha256:', at: AT }]],
  ['null', [null]],
  ['a list in lists', [[[[[[]]]]]]],
])('takes no heads of a server that answers %s, and names the answer', async (_name, heads) => {
  write('2026-11-20T13:00:00Z');
  vendor.server.heads.set(INSTALL, heads as object[]);

  for (const more of [[], ['--ledger', log]]) {
    const { status, err } = await vendor.run('trace', 'Oslo', ...more);
    expect(status).not.toBe(0);
    expect(err).toMatch(/^error: http:\S+\/heads/);
    expect(await vendor.refusal('trace', 'Oslo', ...more)).toMatch(/^(?:document|json)\/invalid$/);
    expect(err).not.toMatch(/\n {4}at /);
  }
});
