// GET /api/v1/events: who is told what, from where, through a proxy, and when the stream ends.
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { revokeTokens } from '../../../server/db/tokens.ts';
import {
  createFrameReader,
  EVENTS_PATH,
  type FleetEvent,
  fleetEvent,
  MOST_STREAMS_OF_ONE,
} from '../../../shared/protocol/events.ts';
import { until } from '../../support/driver-contract.ts';
import { findNginx, startNginx } from '../../support/nginx.ts';
import { firstPublication, NOW } from '../../support/publications.ts';
import { recordOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let url: string;
let agent: ServerAgent;
const left: AbortController[] = [];

beforeEach(async () => {
  server = await startTestServer();
  url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  agent = await enrolAgent(server, 'one');
});
afterEach(async () => {
  for (const one of left.splice(0)) one.abort();
  await server.close();
});

interface Follower {
  readonly response: Response;
  readonly events: FleetEvent[];
  /** Resolves when the stream ends. */
  readonly ended: Promise<void>;
  leave(): void;
}

async function follow(
  query: object = { follow: true },
  headers: Readonly<Record<string, string>> = {},
  from = url,
): Promise<Follower> {
  const gone = new AbortController();
  left.push(gone);
  const search = new URLSearchParams(query as Record<string, string>);
  const response = await fetch(`${from}${EVENTS_PATH}?${search}`, {
    headers: { ...(await server.bearer('viewer')), ...headers },
    signal: gone.signal,
  });
  const events: FleetEvent[] = [];
  const read = createFrameReader();
  const take = async () => {
    for await (const bytes of response.body ?? []) {
      const frames = read(Buffer.from(bytes).toString()) ?? [];
      events.push(...frames.flatMap(({ data }) => (data === null ? [] : fleetEvent.parse(JSON.parse(data)))));
    }
  };
  return { response, events, ended: take().catch(() => undefined), leave: () => gone.abort() };
}

const kinds = ({ events }: Follower) => events.map(({ kind }) => kind);
const look = () => server.context.events.look();
let sequence = 0;
const report = (id: number) => agent.report(++sequence, { records: [recordOf(id, 'committed')] });

describe('a stream of events', () => {
  it('tells what happens, as it happens, by whoever it was done', async () => {
    const stream = await follow();
    await report(1);
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'token ada');
    await look();
    await until(async () => stream.events.length === 2);

    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.events.map(({ kind, instance, actor }) => [kind, instance?.name, actor])).toEqual([
      ['deployment.ended', 'one', `instance ${agent.instance}`],
      ['publication.accepted', undefined, 'token ada'],
    ]);
  });

  it('goes on after the last one that a reader had', async () => {
    await report(1);
    await report(2);
    const all = await follow({});
    await all.ended;
    const rest = await follow({ follow: false, after: 0 }, { 'last-event-id': String(all.events[1]?.id) });
    await rest.ended;

    expect(kinds(all)).toEqual(['enrolment.redeemed', 'deployment.ended', 'deployment.ended']);
    expect(rest.events).toEqual(all.events.slice(2));
  });

  it('begins with a moment', async () => {
    server.now += 60_000;
    await report(1);
    const stream = await follow({ since: new Date(NOW + 1).toISOString() });
    await stream.ended;

    expect(kinds(stream)).toEqual(['deployment.ended']);
  });

  it.each(['x', '-1', '1.5', '9'.repeat(400), '1 2', '0x'])('refuses the place %s', async (place) => {
    for (const answer of [await follow({ after: place }), await follow({}, { 'last-event-id': place })]) {
      expect(answer.response.status).toBe(400);
    }
  });

  it('has an end once the token is revoked, and tells nothing after that', async () => {
    const stream = await follow();
    await revokeTokens(server.context.db, 'viewer', 'test', server.now);
    await report(1);
    await look();
    await stream.ended;

    expect(stream.events).toEqual([]);
  });

  it('has an end once the token has expired', async () => {
    const stream = await follow();
    server.now += 2 * 60 * 60 * 1000;
    await report(1);
    await look();
    await stream.ended;

    expect(stream.events).toEqual([]);
  });

  it('tells a customer of its own installs alone', async () => {
    const admin = await server.bearer('admin');
    const make = async (path: string, payload: object) =>
      (await server.app.inject({ method: 'POST', url: `/api/v1/${path}`, headers: admin, payload })).json();
    const customer = (await make('customers', { name: 'Harbour' })).id;
    const token = (await make('tokens', { name: 'theirs', role: 'viewer', validFor: 'P1D', customer })).token;
    const theirs = await enrolAgent(server, 'theirs', { customer });
    await report(1);
    await theirs.report(1, { records: [recordOf(1, 'committed')] });

    const stream = await follow({ after: 0 }, { authorization: `Bearer ${token}` });
    await stream.ended;

    expect(stream.events.map(({ kind, instance, actor }) => [kind, instance?.id, actor])).toEqual([
      ['enrolment.redeemed', theirs.instance, undefined],
      ['deployment.ended', theirs.instance, undefined],
    ]);
  });

  it('is one of few for each credential, and free again for the next when somebody leaves', async () => {
    const streams = await Promise.all(Array.from({ length: MOST_STREAMS_OF_ONE }, () => follow()));
    const refused = await follow();
    streams[0]?.leave();
    await until(async () => server.context.events.count() === MOST_STREAMS_OF_ONE - 1);
    const next = await follow();

    expect([refused.response.status, next.response.status]).toEqual([429, 200]);
    expect(Number(refused.response.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('holds no place for who only asks what there would be, is refused, or leaves before the answer', async () => {
    const headers = await server.bearer('viewer');
    const head = await fetch(`${url}${EVENTS_PATH}?follow=true`, { method: 'HEAD', headers });
    await follow({ follow: 'perhaps' });
    await (await follow({})).ended;
    const socket = connect((server.app.server.address() as AddressInfo).port, '127.0.0.1');
    const ask = [
      `GET ${EVENTS_PATH}?follow=true HTTP/1.1`,
      'host: x',
      `authorization: ${headers.authorization}`,
    ];
    socket.write(`${ask.join('\r\n')}\r\n\r\n`, () => socket.resetAndDestroy());
    await until(async () => socket.destroyed && server.context.events.count() === 0);

    expect(head.headers.get('content-type')).toBe('text/event-stream');
  });

  it('is ended by a server that ends, which waits for nobody', async () => {
    const stream = await follow();

    await server.app.close();
    await stream.ended;

    expect(stream.events).toEqual([]);
  });

  it('comes through nginx as it is told, though nginx keeps what others say until it has enough', async () => {
    const program = findNginx();
    if (program === null) return;
    const dir = await mkdtemp(join(tmpdir(), 'fairlead-nginx-'));
    const nginx = await startNginx(program, dir, [(server.app.server.address() as AddressInfo).port]);
    const stream = await follow({ follow: true }, {}, nginx.url);
    await report(1);
    await look();
    await until(async () => stream.events.length === 1);
    stream.leave();
    await nginx.stop();
    await rm(dir, { recursive: true, force: true });

    expect(kinds(stream)).toEqual(['deployment.ended']);
  });
});
