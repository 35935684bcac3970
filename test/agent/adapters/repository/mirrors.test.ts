// Which copies an install fetches from: the operator's word alone where there is one, else the vendor's list, and never further in than a redirect leads.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createMirrors } from '../../../../agent/adapters/repository/mirrors.ts';
import { networkOf } from '../../../../agent/adapters/server/network.ts';
import { surveyServer } from '../../../../agent/adapters/server/survey.ts';
import { foundCompany } from '../../../support/certificates.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const company = foundCompany();
beforeAll(() => {
  for (const name of ['server', 'client']) company.sign(name, 'DNS:localhost,IP:127.0.0.1');
}, 60_000);
afterAll(() => company.remove());

const VENDOR = 'https://203.0.113.7/fairlead';
const LISTED = [
  { url: 'https://all.example/copy' },
  { url: 'https://eu.example/copy', regions: ['eu'] },
  { url: 'https://us.example/copy', regions: ['us'] },
];

function mirrorsWith(said: { mirrors?: string[] }, { server = VENDOR, region = ['eu'] } = {}) {
  const [ca, clientCert, clientKey] = ['ca.pem', 'client.pem', 'client.key'].map(company.pem);
  const network = networkOf(
    {},
    {
      schema: 'fairlead/network@1',
      ...(ca === undefined ? {} : { ca }),
      ...(clientCert === undefined ? {} : { clientCert }),
      ...(clientKey === undefined ? {} : { clientKey }),
      ...said,
    },
  );
  const mirrors = createMirrors({ network, server, region: async () => region });
  onTestFinished(() => mirrors.close());
  return { mirrors, network };
}

/** A copy on this very machine; whoever comes is asked for a certificate. */
async function copyHere() {
  const visits: unknown[] = [];
  const files = {
    cert: company.pem('server.pem'),
    key: company.pem('server.key'),
    ca: company.pem('ca.pem'),
  };
  const server = createServer(
    { ...files, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const shown = (request.socket as import('node:tls').TLSSocket).getPeerCertificate().subject?.CN ?? null;
      visits.push([request.url, shown, request.headers.authorization ?? null]);
      response.end('{}');
    },
  );
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}/copy`, port, visits, connections: () => connections };
}

it('are those of the vendor’s list, until the operator has named others, or none', async () => {
  const listed = mirrorsWith({}).mirrors;
  const named = mirrorsWith({ mirrors: ['http://copy.internal/repository'] }).mirrors;
  const none = mirrorsWith({ mirrors: [] }).mirrors;
  for (const one of [listed, named, none]) one.learn(LISTED);

  expect(await listed.addresses()).toEqual(['https://eu.example/copy', 'https://all.example/copy']);
  expect(await named.addresses()).toEqual(['http://copy.internal/repository']);
  expect(await none.addresses()).toEqual([]);
});

it('follow the list as it changes, and end with it', async () => {
  const { mirrors } = mirrorsWith({}, { region: ['us'] });
  expect(await mirrors.sources()).toEqual([]);
  mirrors.learn(LISTED);
  const [first] = await mirrors.sources();
  mirrors.learn([...LISTED].reverse());
  const [again] = await mirrors.sources();
  mirrors.learn([]);

  expect(first?.mirror).toBe('https://us.example/copy');
  // The same object for the same place: who asked to be left alone is.
  expect(again).toBe(first);
  expect(await mirrors.sources()).toEqual([]);
});

it('are ten at most, each of which may have to be waited for', async () => {
  const { mirrors } = mirrorsWith({});
  mirrors.learn(Array.from({ length: 50 }, (_, i) => ({ url: `https://m${i}.example` })));

  expect(await mirrors.addresses()).toHaveLength(10);
});

it('are shown no certificate of this install, where the server that lists them is as near', async () => {
  const copy = await copyHere();
  const { mirrors } = mirrorsWith({}, { server: 'http://127.0.0.1:1' });
  mirrors.learn([{ url: copy.url }]);

  const [source] = await mirrors.sources();
  await source?.metadata('timestamp.json', { maxBytes: 10 });

  expect(copy.visits).toEqual([['/copy/metadata/timestamp.json', null, null]]);
});

it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])(
  'lead nobody inside where a server outside lists %s: nothing connects, nor does doctor',
  async (host) => {
    const copy = await copyHere();
    const { mirrors, network } = mirrorsWith({});
    mirrors.learn([{ url: `https://${host}:${copy.port}/copy` }]);

    const [source] = await mirrors.sources();
    const asked = source?.metadata('timestamp.json', { maxBytes: 10 });
    const refusal = await rejectionOf(asked ?? Promise.resolve());
    const patience = { stepMs: 200, wholeMs: 500 };
    const seen = await surveyServer(VENDOR, network, await mirrors.addresses(), patience);

    expect(refusal.code).toBe('transport/unreachable');
    expect(refusal.message).toContain('inside this network');
    expect(seen.find(({ use }) => use === 'mirror')?.failure).toMatchObject({
      problem: expect.stringContaining('inside this network'),
    });
    expect(copy.connections()).toBe(0);
  },
);
