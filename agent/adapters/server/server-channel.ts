// Reports over HTTPS, each with a short-lived token signed by the instance's own key.
import { randomUUID } from 'node:crypto';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { AGENT_TOKEN, reportReply } from '../../../shared/protocol/report.ts';
import type { Clock } from '../../ports/machine.ts';
import type { ServerChannel } from '../../ports/server.ts';
import type { Identity } from './enrolment-file.ts';
import type { HttpClient } from './http-client.ts';
import { postJson } from './post-json.ts';

export interface ServerChannelOptions {
  readonly server: string;
  readonly instance: string;
  /** Read for each report: without it none is sent, and nothing else suffers. Error: enrolment/identity-lost. */
  readonly identity: () => Promise<Identity>;
  readonly clock: Clock;
  readonly http: Pick<HttpClient, 'connect'>;
}

export function createServerChannel(options: ServerChannelOptions): ServerChannel {
  // Another at each start: where two speak in turns, a state directory was copied, and the server can say so.
  const boot = randomUUID();
  return {
    async send(report) {
      const url = `${options.server}/api/v1/reports`;
      return (await postJson(options.http, url, report, reportReply, await signToken(options, boot)))
        .sequence;
    },
    async damage() {
      try {
        await options.identity();
        return null;
      } catch (error) {
        if (!isFairleadError(error, 'enrolment/identity-lost')) throw error;
        return `nothing can be reported: ${error.message}`;
      }
    },
  };
}

/** RFC 7519 with EdDSA (RFC 8037): the instance speaks for itself, for two minutes. */
async function signToken(options: ServerChannelOptions, boot: string): Promise<string> {
  const { instance, clock } = options;
  const identity = await options.identity();
  const { SignJWT } = await import('jose/jwt/sign');
  const now = Math.floor(clock.now() / 1000);
  return new SignJWT({ boot })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(instance)
    .setAudience(AGENT_TOKEN.audience)
    .setIssuedAt(now)
    .setExpirationTime(now + AGENT_TOKEN.lifetimeSeconds)
    .sign({ kty: identity.kty, crv: identity.crv, x: identity.x, d: identity.d, alg: 'EdDSA' });
}
