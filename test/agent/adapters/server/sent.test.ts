// Everything that leaves, sent for real: nothing that the page does not name, and byte for byte what the outbox shows.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import { createEnrolledSource } from '../../../../agent/adapters/repository/http-source.ts';
import { redeem } from '../../../../agent/adapters/server/enroller.ts';
import { loadOrCreateIdentity, readIdentity } from '../../../../agent/adapters/server/enrolment-file.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { networkOf } from '../../../../agent/adapters/server/network.ts';
import { previewRequests } from '../../../../agent/adapters/server/preview.ts';
import { createServerChannel, sayGoodbye } from '../../../../agent/adapters/server/server-channel.ts';
import { surveyServer } from '../../../../agent/adapters/server/survey.ts';
import { formatOffer } from '../../../../shared/protocol/pass.ts';
import type { ProposalAnswer } from '../../../../shared/protocol/proposal.ts';
import type { Report } from '../../../../shared/protocol/report.ts';
import { SENT, SENT_CLAIMS, sentKindOf } from '../../../../shared/protocol/sent.ts';

const INSTANCE = '0f0e0d0c-0b0a-4908-8706-050403020100';
const HASH = '0'.repeat(64);
const HELD = `sha-256=:${'A'.repeat(43)}=:`;

const REPORT: Report = {
  ...{ schema: 'fairlead/report@1', sequence: 7, at: '2026-03-01T10:00:00Z', agentVersion: '1.0.0' },
  ...{ channel: 'auto', track: 'stable', manifest: null, components: [], decision: null, records: [] },
};
const ANSWERS: readonly ProposalAnswer[] = [
  {
    ...{ id: '0f0e0d0c-0b0a-4908-8706-050403020101', revision: 1, answer: 'ignored' },
    ...{
      code: 'proposal/ignored',
      text: 'nobody asked',
      by: 'agent',
      change: null,
      at: '2026-03-01T10:00:00Z',
    },
  },
];

interface Heard {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly authorization: string;
  readonly body: string;
}

const heard: Heard[] = [];
const raw = new Map<Socket, Buffer[]>();
/** By kind, the first of it as it came over the wire. */
const bytes = new Map<string, string>();
let url: string;
const ends: (() => Promise<unknown> | unknown)[] = [];

/** Takes everything; who fetches documents and packs it wants to know. */
function answering() {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      note(request.method ?? '', request.url ?? '', request.rawHeaders, Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json');
      response.setHeader('etag', '"0123456789abcdef"');
      const isSigned = /targets|packs/.test(request.url ?? '');
      if (isSigned && request.headers.authorization === undefined) response.statusCode = 401;
      if (request.url?.endsWith('/reports') === true) {
        response.setHeader('fairlead-pass', formatOffer({ pass: 'key.sealed', point: POINT, seconds: 3600 }));
      }
      response.end(JSON.stringify(replyTo(request.url ?? '')));
    });
  });
  server.on('connection', (socket) => {
    raw.set(socket, []);
    socket.on('data', (chunk: Buffer) => raw.get(socket)?.push(chunk));
  });
  server.on('upgrade', (request, socket) => {
    note(request.method ?? '', request.url ?? '', request.rawHeaders, '');
    socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n');
  });
  return server;
}

/** An X25519 public key of nobody. */
const POINT = 'hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo';

function replyTo(path: string): object {
  if (path.endsWith('/reports')) return { sequence: 7 };
  if (path.endsWith('/heartbeats')) return { sequence: 8, whole: false };
  if (path.includes('/proposals/mine')) return { proposals: [], next: null, mark: 0 };
  if (path.endsWith('/proposals/answers')) return { answers: [] };
  if (path.includes('/policies/offered')) return { template: { name: 'careful', channel: 'manual' } };
  if (path.endsWith('/redeem')) return { instance: INSTANCE, name: 'first' };
  return { movedTo: 'x' };
}

function note(method: string, path: string, rawHeaders: readonly string[], body: string): void {
  const headers = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization');
  heard.push({ method, path, headers, body, authorization: at < 0 ? '' : (rawHeaders[at + 1] ?? '') });
}

/** What came since the last call, over whatever connection. */
function takenRaw(): string {
  const text = [...raw.values()].map((chunks) => Buffer.concat(chunks.splice(0)).toString()).join('');
  return text;
}

beforeAll(async () => {
  const server = answering();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stateDir = mkdtempSync(join(tmpdir(), 'sent-'));
  ends.push(() => rmSync(stateDir, { recursive: true, force: true }));
  await loadOrCreateIdentity(stateDir);
  const identity = () => readIdentity(stateDir, INSTANCE);
  const network = networkOf({});
  const http = createHttpClient(undefined, network);
  const options = { server: url, instance: INSTANCE, identity, clock: systemClock, http, network };
  const channel = createServerChannel(options);
  const sourceOf = () =>
    createEnrolledSource({ server: url, instance: INSTANCE }, { stateDir, clock: systemClock, http });
  // Who was asked for its name once says it from then on.
  const [source, another] = [sourceOf(), sourceOf()];
  const onProgress = () => undefined;
  const file = join(stateDir, 'pack');
  const send: readonly (readonly [kind: string, act: () => Promise<unknown>])[] = [
    ['metadata', () => source.metadata('timestamp.json', { maxBytes: 100, unless: '"0123456789abcdef"' })],
    ['document', () => source.document('suites/name/1.0.0.json', HASH, 1_000)],
    ['pack', () => another.pack(HASH, file, { maxBytes: 1_000, onProgress })],
    ['pack', () => source.pack(HASH, file, { maxBytes: 1_000, onProgress })],
    ['listen', () => channel.listen({ onOpen: onProgress, onHint: onProgress }, AbortSignal.timeout(5_000))],
    ['report', () => channel.send(REPORT)],
    ['heartbeat', () => channel.beat({ sequence: 8, report: HELD })],
    ['proposals', () => channel.proposals(null)],
    ['proposals', () => channel.proposals('0f0e0d0c-0b0a-4908-8706-050403020101')],
    ['answers', () => channel.answerProposals(ANSWERS)],
    ['template', () => channel.template('careful')],
    ['look', () => surveyServer(url, network)],
    [
      'enrolment',
      async () => redeem({ http }, { server: url, code: 'c'.repeat(22), root: ROOT }, (await identity()).x),
    ],
    ['leave', () => sayGoodbye(options, 'https://releases.example.org')],
  ];
  for (const [kind, act] of send) {
    takenRaw();
    await act();
    if (!bytes.has(kind)) bytes.set(kind, takenRaw());
  }
  await http.close();
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
}, 60_000);
afterAll(() => Promise.all(ends.map((end) => end())));

const ROOT = { version: 1, digest: `sha256:${HASH}` as const } as never;

describe('what leaves', () => {
  it('is of a kind that the page names, and every kind was sent here', () => {
    const kinds = heard.map(({ method, path }) => sentKindOf(method, path) ?? `${method} ${path}`);

    expect(new Set(kinds)).toEqual(new Set(Object.keys(SENT)));
  });

  it('has no header that the page does not name', () => {
    const unnamed = heard.flatMap(({ method, path, headers }) => {
      const known = SENT[sentKindOf(method, path) ?? '']?.headers ?? [];
      return headers.filter((name) => !known.includes(name)).map((name) => `${method} ${path}: ${name}`);
    });

    expect(unnamed).toEqual([]);
  });

  it('has no body, and no field of one, that the page does not name', () => {
    for (const { method, path, body } of heard) {
      const schema = SENT[sentKindOf(method, path) ?? '']?.body ?? null;
      if (schema === null) expect(body).toBe('');
      // What a schema leaves out it would drop here.
      else expect(JSON.parse(JSON.stringify(schema.parse(JSON.parse(body))))).toEqual(JSON.parse(body));
    }
  });

  it('says who asks only where the page says so, and nothing in the signature that it does not name', () => {
    for (const { method, path, authorization } of heard) {
      const says = SENT[sentKindOf(method, path) ?? '']?.says;
      if (says === 'nobody') expect(authorization).toBe('');
      if (!authorization.startsWith('Bearer ')) continue;
      const claims = decodeJwt(authorization.slice('Bearer '.length));
      expect(Object.keys(claims).filter((name) => SENT_CLAIMS[name] === undefined)).toEqual([]);
    }
    const first = heard.find(({ path }) => path.includes('/targets/'));
    expect(first?.authorization).toBe('');
  });
});

describe('the outbox', () => {
  /** What differs by nature: another key signs, each connection has a key of its own, and there is no code any more. */
  const masked = (text: string) =>
    text
      .replace(/(Bearer|Fairlead-Pass) [\w.-]+/g, '$1 …')
      .replace(/(sec-websocket-key: ).*/gi, '$1…')
      .replace(/"(code|publicKey)":"[^"]*"/g, '"$1":"…"')
      .replace(/content-length: \d+/, 'content-length: …');

  it('shows byte for byte what leaves', async () => {
    const options = { server: url, instance: INSTANCE, clock: systemClock };
    const shown = await previewRequests(options, { report: REPORT, answers: ANSWERS });

    expect(shown.map(({ kind }) => kind)).toEqual(
      Object.keys(SENT).filter((kind) => !['template', 'look'].includes(kind)),
    );
    for (const { kind, bytes: text } of shown) {
      // Documents and packs are asked for without a name first.
      const sent = (bytes.get(kind) ?? '').split(/(?<=\r\n\r\n)(?=GET )/);
      expect(sent.map(masked), kind).toContain(masked(text));
    }
  });

  it('shows signatures of the real length and claims, and no secret', async () => {
    const options = { server: url, instance: INSTANCE, clock: systemClock };
    const shown = await previewRequests(options, { report: REPORT, answers: [] });
    const tokenIn = (text = '') => /Bearer ([\w.-]+)/.exec(text)?.[1] ?? '';
    const [real, other] = [bytes.get('report'), shown.find(({ kind }) => kind === 'report')?.bytes].map(
      tokenIn,
    );

    expect(other?.length).toBe(real?.length);
    expect(Object.keys(decodeJwt(other ?? '')).sort()).toEqual(Object.keys(decodeJwt(real ?? '')).sort());
    expect(decodeJwt(other ?? '').iss).toBe(INSTANCE);
  });
});
