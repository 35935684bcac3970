// An agent as far as the server knows it: enrolled with a key, and reporting what happened under numbers that go up.
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { AGENT_TOKEN, type Report } from '../../shared/protocol/report.ts';
import { recordOf, reportOf } from './reports.ts';

export interface ReportingAgent {
  readonly instance: string;
  /** One deployment's record with each, of the same number. */
  report(
    sequence: number,
    signal?: AbortSignal,
    overrides?: Partial<Report>,
  ): Promise<{ readonly status: number; readonly sequence: number }>;
}

/** `headers` are those of whoever may make enrolment codes. */
export async function enrolAgent(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<ReportingAgent> {
  const json = { 'content-type': 'application/json' };
  const post = (path: string, body: object, more: object = json) =>
    fetch(`${url}/api/v1/${path}`, { method: 'POST', headers: { ...more }, body: JSON.stringify(body) });
  const { code } = (await (await post('enrolments', { name: 'one' }, headers)).json()) as { code: string };
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = String(publicKey.export({ format: 'jwk' }).x);
  const request = { code, publicKey: key, hostname: 'host', agentVersion: '0.1.0' };
  const { instance } = (await (await post('enrolments/redeem', request)).json()) as { instance: string };
  const token = () =>
    new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(instance)
      .setAudience(AGENT_TOKEN.audience)
      .setIssuedAt()
      .setExpirationTime(`${AGENT_TOKEN.lifetimeSeconds}s`)
      .sign(privateKey);
  return {
    instance,
    report: async (sequence, signal, overrides = {}) => {
      const records = [{ ...recordOf(1, 'committed'), id: sequence }];
      const answer = await fetch(`${url}/api/v1/reports`, {
        method: 'POST',
        headers: { ...json, authorization: `Bearer ${await token()}` },
        body: JSON.stringify(reportOf(sequence, { records, ...overrides })),
        ...(signal === undefined ? {} : { signal }),
      });
      const reply = (await answer.json()) as { readonly sequence?: number };
      return { status: answer.status, sequence: reply.sequence ?? 0 };
    },
  };
}
