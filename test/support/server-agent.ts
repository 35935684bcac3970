// An install as the server's HTTP sees one: enrolled, with a key of its own, and saying what a test wants it to say.
import { generateKeyPairSync } from 'node:crypto';
import type { LightMyRequestResponse } from 'fastify';
import { SignJWT } from 'jose';
import type { Report } from '../../shared/protocol/report.ts';
import { reportOf } from './reports.ts';
import type { TestServer } from './server-under-test.ts';

export interface ServerAgent {
  readonly instance: string;
  /** What stands behind `Bearer`, for now. */
  token(lifetimeSeconds?: number): Promise<string>;
  ask(method: 'GET' | 'POST', path: string, body?: object | string): Promise<LightMyRequestResponse>;
  report(sequence: number, overrides?: Partial<Report>): Promise<LightMyRequestResponse>;
}

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
  const token: ServerAgent['token'] = async (lifetimeSeconds = 60) => {
    const now = Math.floor(server.now / 1000);
    return await new SignJWT({})
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(instance)
      .setAudience('fairlead-server')
      .setIssuedAt(now)
      .setExpirationTime(now + lifetimeSeconds)
      .sign(privateKey);
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
    instance,
    token,
    ask,
    report: (sequence, overrides) => ask('POST', 'reports', reportOf(sequence, overrides)),
  };
}
