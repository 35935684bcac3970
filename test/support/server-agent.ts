// An install as the server's HTTP sees one: enrolled, with a key of its own, and saying what a test wants it to say.
import { generateKeyPairSync } from 'node:crypto';
import type { LightMyRequestResponse } from 'fastify';
import { SignJWT } from 'jose';
import { createPasses } from '../../agent/adapters/server/pass.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { PASS_HEADER } from '../../shared/protocol/pass.ts';
import type { Report } from '../../shared/protocol/report.ts';
import { reportOf } from './reports.ts';
import type { TestServer } from './server-under-test.ts';

export interface ServerAgent {
  readonly instance: string;
  /** Asks with a signature, and answers the headers that prove any other request with the pass that came back. */
  pass(boot?: string): Promise<Prove>;
  /** What stands behind `Bearer`, for now. */
  token(lifetimeSeconds?: number): Promise<string>;
  /** The same, asking for a pass. */
  tokenAsking(): Promise<string>;
  ask(method: 'GET' | 'POST', path: string, body?: object | string): Promise<LightMyRequestResponse>;
  report(sequence: number, overrides?: Partial<Report>): Promise<LightMyRequestResponse>;
}

export type Prove = (method: string, path: string, body: string | null) => Readonly<Record<string, string>>;

export async function enrolAgent(
  server: TestServer,
  name: string,
  wanted: { readonly customer?: string } = {},
): Promise<ServerAgent> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const created = await server.app.inject({
    ...{ method: 'POST', url: '/api/v1/enrolments', payload: { name, ...wanted } },
    headers: await server.bearer('operator'),
  });
  const redeemed = await server.app.inject({
    ...{ method: 'POST', url: '/api/v1/enrolments/redeem' },
    payload: {
      ...{ code: created.json().code, hostname: 'host', agentVersion: '0.1.0' },
      publicKey: publicKey.export({ format: 'jwk' }).x,
    },
  });
  const { instance } = redeemed.json();
  const sign = async (claims: Readonly<Record<string, string>>, lifetimeSeconds = 60) => {
    const now = Math.floor(server.now / 1000);
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(instance)
      .setAudience('fairlead-server')
      .setIssuedAt(now)
      .setExpirationTime(now + lifetimeSeconds)
      .sign(privateKey);
  };
  const token: ServerAgent['token'] = (lifetimeSeconds) => sign({}, lifetimeSeconds);
  const pass: ServerAgent['pass'] = async (boot) => {
    // Its clock is the server's.
    const passes = createPasses({ now: () => server.now, monotonic: () => 0 });
    const wanted = passes.request();
    const claims = { ...(boot === undefined ? {} : { boot }), pass: wanted?.point ?? '' };
    const answer = await server.app.inject({
      ...{ method: 'GET', url: '/api/v1/proposals/mine' },
      headers: { authorization: `Bearer ${await sign(claims)}` },
    });
    passes.take(wanted, String(answer.headers[PASS_HEADER]));
    const held = passes.held();
    if (held === null) throw new Error('no pass was given');
    return (method, path, body) =>
      held.headers(method, `http://server/api/v1/${path}`, body === null ? null : utf8(body));
  };
  const ask: ServerAgent['ask'] = async (method, path, body) =>
    server.app.inject({
      ...{ method, url: `/api/v1/${path}` },
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: body }),
    });
  return {
    ...{ instance, pass, token, ask },
    tokenAsking: () =>
      sign({ pass: createPasses({ now: () => server.now, monotonic: () => 0 }).request()?.point ?? '' }),
    report: (sequence, overrides) => ask('POST', 'reports', reportOf(sequence, overrides)),
  };
}
