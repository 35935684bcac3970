// A whole round from a network that one proxy with a password leads out of, to a server behind nginx with TLS, certificates of clients and a path.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { formatEnrolment, parseEnrolment } from '../../shared/protocol/enrolment.ts';
import { foundCompany } from '../support/certificates.ts';
import { closedNetworkMissing, closeNetwork } from '../support/closed-network.ts';
import { startCompanyNginx } from '../support/company-nginx.ts';
import {
  type Earlier,
  type EarlierChanges,
  type EarlierStatus,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';
import { freePort } from '../support/free-port.ts';
import { findNginx } from '../support/nginx.ts';
import { squidMissing, startSquid } from '../support/squid.ts';

const NAME = 'vendor.test';
const PASSWORD = 'p@ss:w/rd%';
const nginx = findNginx();
const missing = squidMissing() ?? closedNetworkMissing() ?? (nginx === null ? 'needs nginx' : null);

type Status = EarlierStatus & {
  readonly unsentReports: number;
  readonly hints: { readonly listening: boolean; readonly problem: string | null } | null;
  readonly contact: { readonly failure: { readonly code: string; readonly hint: string } | null } | null;
};

/** A string for a fresh install, to the server as the outside names it. */
async function enrolmentFor({ directory, run }: Earlier, server: string): Promise<string> {
  const token = ['token', 'create', '--dir', 'server', '--role', 'publisher', '--name', 'anew'];
  writeFileSync(join(directory, 'server/publisher.token'), await run('fairlead-server', ...token));
  await run('fairlead-vendor', 'renew');
  const created = await run('fairlead-vendor', 'enrolment', 'create', '--name', 'Company', '--json');
  return formatEnrolment({ ...parseEnrolment(JSON.parse(created).enrolment), server });
}

it.skipIf(missing !== null)(
  'enrols, polls, downloads, deploys, reports and is told of news, and says what stands in the way where it does not',
  { timeout: 400_000 },
  async () => {
    const company = foundCompany();
    for (const name of ['server', 'client']) company.sign(name, `DNS:${NAME}`);
    company.sign('over', `DNS:${NAME}`, -1);
    const earlier = await unpackEarlier();
    const { directory, port, start } = earlier;
    start('fairlead-server', 'run', '--dir', 'server', '--port', port);
    await until(async () => ((await fetch(`http://127.0.0.1:${port}/healthz`)).ok ? true : null));
    const front = await startCompanyNginx(nginx ?? '', join(directory, 'nginx'), port, {
      ...{ certificate: company.path('server.pem'), key: company.path('server.key') },
      ...{ authority: company.path('ca.pem'), passesUpgrades: false },
    });
    const squid = await startSquid('ada', PASSWORD, { [NAME]: '127.0.0.1' });
    const network = await closeNetwork(directory, squid.host);
    onTestFinished(async () => {
      await Promise.all([network.close(), squid.stop(), front.stop()]);
      company.remove();
    });
    const string = await enrolmentFor(earlier, `https://${NAME}:${front.port}/fairlead`);

    const { run, start: startOutside, json } = earlier.withState('fresh');
    const [enter = '', ...how] = network.enter;
    const inside = (...argv: readonly string[]) => run(enter, ...how, 'fairlead', ...argv);
    const startAgent = () =>
      startOutside(enter, ...how, 'fairlead', 'agent', 'run', '--poll-interval', 'PT1S', '--soak', 'PT1S');
    const proxyOf = (password: string) => {
      writeFileSync(join(directory, 'proxy'), `http://ada:${encodeURIComponent(password)}@${network.door}\n`);
      return ['agent', 'network', '--proxy-file', join(directory, 'proxy')];
    };
    const doctor = () => inside('doctor').catch(({ stdout }: { stdout: string }) => stdout);
    const certificates = ['--ca', company.path('ca.pem'), '--client-cert', company.path('client.pem')];
    await inside(...proxyOf(PASSWORD), ...certificates, '--client-key', company.path('client.key'));
    writeFileSync(join(directory, 'string'), string);
    writeFileSync(join(directory, 'fresh/instance.json'), await onFreePorts(directory));

    // No upgrade passes: polls bring everything.
    await inside('agent', 'enroll', '--file', join(directory, 'string'));
    let agent = startAgent();
    await until(async () => {
      const { changes } = await json<EarlierChanges>('changes');
      return changes.some(({ state }) => state === 'committed') ? true : null;
    });
    const polled = await until(async () => {
      const seen = await json<Status>('status');
      return seen.hints?.problem == null ? null : seen;
    });
    expect(polled.hints).toMatchObject({ listening: false, problem: expect.stringContaining('403') });
    // Taken by the server, every record of it.
    await until(async () => ((await json<Status>('status')).unsentReports === 0 ? true : null));

    // With upgrades the server is heard at once.
    await front.change({ passesUpgrades: true });
    await end(agent);
    agent = startAgent();
    await until(async () => ((await json<Status>('status')).hints?.listening === true ? true : null));
    const well = await doctor();
    expect(well).toContain(
      `signed releases can be fetched: ${NAME}:${front.port}, through http://${network.door}`,
    );
    expect(well).toContain('certificate signed by Company, answer 200');
    expect(well).not.toContain(PASSWORD);
    expect(squid.requests()).toContain(`CONNECT ${NAME}:${front.port} ada`);

    // A certificate that has ended is named with its end and its authority.
    await front.change({ certificate: company.path('over.pem'), key: company.path('over.key') });
    expect(await doctor()).toMatch(/NO {2}signed releases .*that Company signed ended on /);

    // A wrong password is named, with the setting that holds it.
    await end(agent);
    await inside(...proxyOf('another'));
    startAgent();
    const refused = await until(async () => {
      const { contact } = await json<Status>('status');
      return contact?.failure?.code === 'transport/proxy-refused' ? contact.failure : null;
    });
    expect(refused.hint).toContain('fairlead agent network --proxy-file');
  },
);

/** Two agents of one state directory refuse each other. */
async function end(agent: ChildProcess): Promise<void> {
  const ended = once(agent, 'exit');
  agent.kill('SIGTERM');
  await ended;
}

async function onFreePorts(directory: string): Promise<string> {
  let text = readFileSync(join(directory, 'agent/instance.json'), 'utf8');
  for (const [, old = ''] of text.matchAll(/"port": (\d+)/g))
    text = text.replaceAll(old, String(await freePort()));
  return text;
}
