// `report`, typed against a real server: for people, for a spreadsheet, and as the file whose digest the server's log keeps.
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CUSTOMER, INSTANCE } from '../../../../server/http/examples.ts';
import { type ExampleFleet, startExampleFleet } from '../../../support/example-fleet.ts';
import type { ReleaseServer } from '../../../support/release-server.ts';
import { createBench, type Vendor } from '../../../support/vendor.ts';

const HOLE = 'FL-2026-0003';
let fleet: ExampleFleet;
let vendor: Vendor;
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-report-'));
  fleet = await startExampleFleet();
  // Of what happens at the end of a period nothing is told.
  fleet.server.now += 60_000;
  vendor = createBench(dir, { url: fleet.url } as ReleaseServer);
  for (const role of ['operator', 'viewer'] as const) {
    const { authorization } = await fleet.server.bearer(role);
    writeFileSync(join(dir, role), `${authorization.replace('Bearer ', '')}\n`);
  }
});
afterAll(async () => {
  await fleet.server.close();
  await rm(dir, { recursive: true });
});

const as = (role: 'operator' | 'viewer', ...argv: readonly string[]) => [
  ...['report', ...argv, '--server', fleet.url, '--token-file', join(dir, role)],
];

it('tells a person who was exposed, with what kept the fix away', async () => {
  const { out, status } = await vendor.run(...as('viewer', 'compliance', 'Harbour hospitals', '2026-11'));

  expect(status).toBe(0);
  expect(out).toContain('# Compliance of Harbour hospitals');
  expect(out).toMatch(/\| FL-2026-0003 \| critical \|.* \| 1 \| 1 \| 0 \| 0 \| 1 \| 0 \| 0 \| 1 \|/);
  expect(out).toMatch(
    /\| Harbour hospital \| FL-2026-0003 \| exposed \|.*admin: quarantined \(core\/auth 1\.2\.1/,
  );
});

it('writes the file for this account alone, and its digest into the log of the server', async () => {
  const file = join(dir, 'report.json');
  const said = await vendor.json(...as('operator', 'cra', HOLE, '--format', 'json', '--output', file));

  const text = readFileSync(file, 'utf8');
  const before = text.slice(0, text.lastIndexOf('"digest"'));
  expect(`sha256:${createHash('sha256').update(before).digest('hex')}`).toBe(said['digest']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(JSON.parse(text)).toMatchObject({
    ...{ schema: 'fairlead/compliance-report@1', kind: 'cra', subject: HOLE },
    advisories: [{ id: HOLE, revisions: [{ entry: { sequence: 2 } }] }],
    installs: expect.arrayContaining([
      expect.objectContaining({ id: fleet.toReal(INSTANCE), cases: [expect.anything()] }),
    ]),
  });
  // The period of one advisory begins with it.
  expect(JSON.parse(text).period.from).toBe(JSON.parse(text).advisories[0].published);
  const entry = await fleet.server.context.db
    .selectFrom('audit')
    .selectAll()
    .where('action', '=', 'report.made')
    .executeTakeFirstOrThrow();
  expect([Number(entry.sequence), JSON.parse(entry.details).digest]).toEqual([said['entry'], said['digest']]);
});

it('prints the same bytes as it writes, and says where the log does not know of it', async () => {
  const file = join(dir, 'again.json');
  const asked = ['compliance', fleet.toReal(CUSTOMER), '2026-Q4', '--format', 'json'];
  const written = await vendor.run(...as('viewer', ...asked, '--output', file));
  const { out, err } = await vendor.run(...as('viewer', ...asked));

  expect(out).toBe(readFileSync(file, 'utf8'));
  expect(err).toContain("is not in the server's log: this token may not write there");
  expect(written.out).toContain('1 install, 1 case: 0 fixed, 1 exposed, 0 unknown');
});

it('makes a sheet of it', async () => {
  const { out } = await vendor.run(...as('viewer', 'cra', '2026-11', '--format', 'csv'));
  expect(out.split('\n')[0]).toContain('Install,Id,Customer,State,Advisory');
  expect(out).toMatch(/\nHarbour hospital,[0-9a-f-]{36},[0-9a-f-]{36},exposed,FL-2026-0003,critical,/);
});

it.each([
  ['a customer that there is not', ['compliance', 'Nobody Ltd', '2026-11'], 'vendor/option-invalid'],
  ['an advisory that nobody published', ['cra', 'FL-2026-9999'], 'vendor/server-refused'],
  ['a period that is yet to come', ['cra', '2031'], 'vendor/server-refused'],
])('refuses %s', async (_, argv, code) => {
  expect(await vendor.refusal(...as('viewer', ...argv))).toBe(code);
});
