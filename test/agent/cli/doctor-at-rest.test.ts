// fairlead doctor where no agent runs: each thing it looks at, spoilt alone.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AGENT_UNIT, renderAgentUnit } from '../../../agent/adapters/machine/agent-unit.ts';
import { writeEnrolment } from '../../../agent/adapters/server/enrolment-file.ts';
import { writeNetworkFile } from '../../../agent/adapters/server/network.ts';
import { lookWithoutAgent } from '../../../agent/cli/commands/doctor-at-rest.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { ownProgram } from '../../../shared/node/own-parts.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { serveHttp } from '../../support/http-server.ts';

async function install() {
  const stateDir = temporaryDirectory();
  const units = temporaryDirectory();
  const url = await serveHttp((request, response) => {
    response.statusCode = request.url === '/repository/metadata/timestamp.json' ? 200 : 404;
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
    (await lookWithoutAgent(stateDir, units))
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
    expect.stringContaining('ask the vendor'),
  ]);
});

it('goes the way that the agent would go', async () => {
  const { stateDir, troubles } = await install();
  await writeNetworkFile(stateDir, { schema: 'fairlead/network@1', proxy: 'http://ada:secret@127.0.0.1:1' });

  const [, server] = await troubles();

  expect(server).toMatch(/^the server answers, through http:\/\/127\.0\.0\.1:1: check the network/);
});

it('asks for the enrolment first', async () => {
  expect(await rejectionOf(lookWithoutAgent(temporaryDirectory()))).toMatchObject({
    code: 'enrolment/missing',
  });
});
