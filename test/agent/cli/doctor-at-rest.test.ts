// fairlead doctor where no agent runs: each thing it looks at, spoilt alone.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownService } from '../../../agent/adapters/machine/agent-service.ts';
import { AGENT_UNIT, renderAgentUnit } from '../../../agent/adapters/machine/agent-unit.ts';
import { writeEnrolment } from '../../../agent/adapters/server/enrolment-file.ts';
import { writeNetworkFile } from '../../../agent/adapters/server/network.ts';
import { lookWithoutAgent } from '../../../agent/cli/commands/doctor-at-rest.ts';
import { rootFound, wayFindings } from '../../../agent/cli/commands/doctor-ways.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { ownProgram } from '../../../shared/node/own-parts.ts';
import type { Endpoint, Step } from '../../../shared/protocol/survey.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { serveHttp } from '../../support/http-server.ts';

async function install() {
  const stateDir = temporaryDirectory();
  const units = temporaryDirectory();
  const url = await serveHttp((request, response) => {
    response.statusCode = request.url === '/repository/metadata/timestamp.json' ? 200 : 404;
    response.setHeader('content-type', 'application/json');
    response.end('{}');
  });
  const root = { version: 1, digest: digestOfValue('root'), bytes: '' };
  const enrol = (server: string) =>
    writeEnrolment(stateDir, {
      schema: 'fairlead/enrolment@1',
      ...{
        server,
        instance: '0f0e0d0c-0b0a-4908-8706-050403020100',
        name: 'first',
        string: root.digest,
        root,
      },
    });
  await enrol(url);
  const unit = renderAgentUnit({ program: ownProgram('agent/cli/main.ts'), stateDir, drivers: ['systemd'] });
  writeFileSync(join(units, AGENT_UNIT), unit);
  const troubles = async () =>
    (await lookWithoutAgent(stateDir, Date.now(), units))
      .filter(({ problem }) => problem !== null)
      .map(({ check, remedy }) => `${check}: ${remedy}`);
  return { stateDir, units, url, enrol, troubles };
}

const DOWN = expect.stringMatching(/^the agent answers: fairlead agent run /);

it('finds nothing but the agent missing where all else is well', async () => {
  const { troubles } = await install();

  expect(await troubles()).toEqual([DOWN]);
});

it('finds a unit that another program wrote, a state that others read, and a server that has nothing', async () => {
  const { stateDir, units, url, enrol, troubles } = await install();
  writeFileSync(join(units, AGENT_UNIT), '[Service]\n');
  chmodSync(stateDir, 0o755);
  await enrol(`${url}/elsewhere`);

  expect(await troubles()).toEqual([
    DOWN,
    'the unit is what this program writes: fairlead agent install',
    `the state is the agent’s own: chmod 700 ${stateDir}`,
    expect.stringMatching(/^signed releases can be fetched: .*ask the vendor/),
  ]);
});

it.each([
  ['an executable', true, null],
  ['sources', false, expect.stringMatching(/says something else$/)],
])('knows the unit that starts a slot for that of %s', async (_, isExecutable, problem) => {
  const { stateDir, units } = await install();
  writeFileSync(join(units, AGENT_UNIT), renderAgentUnit(ownService(stateDir, null, true)));

  const findings = await lookWithoutAgent(stateDir, Date.now(), units, isExecutable);

  const check = 'the unit is what this program writes';
  expect(findings).toContainEqual({ check, problem, remedy: 'fairlead agent install' });
});

it('goes the way that the agent would go', async () => {
  const { stateDir, troubles } = await install();
  await writeNetworkFile(stateDir, { schema: 'fairlead/network@1', proxy: 'http://ada:secret@127.0.0.1:1' });

  const [, ...ways] = await troubles();

  expect(ways).toHaveLength(2);
  for (const way of ways)
    expect(way).toMatch(/through http:\/\/127\.0\.0\.1:1, .*: let 127\.0\.0\.1:1 through/);
});

it.each([
  ['a key that others read', 'identity.json', 0o644, 'chmod 600'],
  ['a password that others may write', 'network.json', 0o620, 'chmod 600'],
])('finds %s', async (_, name, mode, remedy) => {
  const { stateDir, troubles } = await install();
  writeFileSync(join(stateDir, name), '{ "schema": "fairlead/network@1" }');
  chmodSync(join(stateDir, name), mode);

  expect(await troubles()).toEqual([DOWN, `the state is the agent’s own: ${remedy} ${join(stateDir, name)}`]);
});

it('finds a root that is damaged, and names what cannot be read of the network', async () => {
  const { stateDir, troubles } = await install();
  mkdirSync(join(stateDir, 'trust'));
  writeFileSync(join(stateDir, 'trust', 'root.json'), '{}');
  writeFileSync(join(stateDir, 'network.json'), '{', { mode: 0o600 });

  expect(await troubles()).toEqual([
    DOWN,
    expect.stringMatching(/^the vendor’s root is trusted/),
    expect.stringContaining('fairlead agent network --clear'),
    expect.stringContaining('fairlead agent network --clear'),
  ]);
});

describe('findings about the way', () => {
  const AT = Date.parse('2026-03-01T10:00:00Z');
  const endpoint = (changes: Partial<Endpoint>): Endpoint => ({
    ...{ use: 'releases', url: 'https://vendor.test/x', proxy: null, addresses: [], status: 200 },
    ...{ certificate: null, clockAheadMs: null, failure: null },
    ...changes,
  });
  const failing = (step: Step, code = 'transport/unreachable') =>
    endpoint({ failure: { step, code, problem: 'x', hint: 'the hint' } });

  it.each<readonly [string, Endpoint, RegExp | null]>([
    ['nothing where all is well', endpoint({ clockAheadMs: 59_000 }), null],
    ['a clock that is ahead', endpoint({ clockAheadMs: 61_000 }), /61 seconds ahead.*timedatectl/],
    ['a clock that is behind', endpoint({ clockAheadMs: -90_000 }), /90 seconds behind.*timedatectl/],
    [
      'a certificate that ends soon',
      endpoint({ certificate: { authority: 'A', ends: '2026-03-10T10:00:00Z' } }),
      /ends in 9 days.*renew/,
    ],
    ['settings', failing('settings'), /the hint/],
    ['a name', failing('name'), /getent ahosts vendor\.test.*--proxy-file/],
    ['a closed port', failing('connection'), /vendor\.test:443 through the firewall/],
    ['a proxy that says no', failing('proxy'), /CONNECT to vendor\.test:443.*--direct vendor\.test/],
    ['a proxy’s password', failing('proxy', 'transport/proxy-refused'), /the hint/],
    ['a certificate', failing('certificate'), /--ca FILE, or --system-ca.*--client-cert/],
    ['another server', failing('answer', 'transport/refused'), /ask the vendor/],
    ['a login page', failing('answer', 'transport/intercepted'), /the hint/],
  ])('tell %s, with what to do', (_, one, expected) => {
    const told = wayFindings([one], AT).filter(({ problem }) => problem !== null);

    expect(told.length).toBe(expected === null ? 0 : 1);
    for (const { problem, remedy } of told) expect(`${problem} ${remedy}`).toMatch(expected ?? /never/);
  });

  it('tell a root that ends within a month, and one that has ended', () => {
    const problemIn = (days: number) =>
      rootFound({ version: 3, expires: AT + days * 86_400_000 }, AT).problem;

    expect([31, 29, -1].map(problemIn)).toEqual([
      null,
      'it ends within thirty days',
      expect.stringMatching(/^it expired/),
    ]);
  });
});

it('asks for the enrolment first', async () => {
  expect(await rejectionOf(lookWithoutAgent(temporaryDirectory(), Date.now()))).toMatchObject({
    code: 'enrolment/missing',
  });
});
