// Reports and answers over HTTPS: signed with the instance's own key, or proved with the pass that one signature was given.
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { leaveReply } from '../../../shared/protocol/instances.ts';
import { contentDigest, PASS_HEADER } from '../../../shared/protocol/pass.ts';
import {
  answersReply,
  minesReply,
  offeredReply,
  PROPOSALS_HEADER,
} from '../../../shared/protocol/proposal.ts';
import {
  AGENT_TOKEN,
  HELD_HEADER,
  heardReply,
  heartbeatReply,
  OPTIONAL_PARTS,
  READS_HEADER,
  TWINS_HEADER,
} from '../../../shared/protocol/report.ts';
import { instant } from '../../../shared/schema/common.ts';
import type { Clock } from '../../ports/machine.ts';
import type { Sent, ServerChannel } from '../../ports/server.ts';
import type { Identity } from './enrolment-file.ts';
import type { HttpClient } from './http-client.ts';
import { listenTo } from './listen.ts';
import type { Network } from './network.ts';
import { createPasses } from './pass.ts';
import { askJson, type JsonAnswer, type JsonRequest } from './post-json.ts';

export interface ServerChannelOptions {
  readonly server: string;
  readonly instance: string;
  /** Read for each report: without it none is sent, and nothing else suffers. Error: enrolment/identity-lost. */
  readonly identity: () => Promise<Identity>;
  readonly clock: Clock;
  readonly http: Pick<HttpClient, 'connect'>;
  /** As the environment says unless given. */
  readonly network?: Network;
  /** In place of the network, for what listens. */
  readonly connection?: () => Duplex;
}

export function createServerChannel(options: ServerChannelOptions): ServerChannel {
  // Another at each start: where two speak in turns, a state directory was copied, and the server can say so.
  const boot = randomUUID();
  const passes = createPasses(options.clock);
  const ask = async <Schema extends z.ZodType>(
    method: JsonRequest['method'],
    path: string,
    reply: Schema,
    body?: unknown,
  ): Promise<JsonAnswer<z.output<Schema>>> => {
    const request = { method, url: `${options.server}/api/v1/${path}`, body };
    const pass = passes.held();
    if (pass !== null) {
      try {
        const answer = await askJson(options.http, { ...request, prove: pass.headers }, reply);
        passes.proved(pass);
        return answer;
      } catch (error) {
        if (!passes.isGivenUp(pass, error)) throw error;
      }
    }
    const wanted = passes.request();
    const token = await signToken(options, boot, wanted?.point);
    const answer = await askJson(options.http, { ...request, token }, reply);
    passes.take(wanted, answer.header(PASS_HEADER));
    return answer;
  };
  return {
    async send(report) {
      const { value, header } = await ask('POST', 'reports', heardReply, report);
      const { sequence, receipt } = value;
      return { sequence, ...saidBeside(header), ...(receipt === undefined ? {} : { receipt }) };
    },
    async beat(beat) {
      const body = { schema: 'fairlead/heartbeat@1', ...beat };
      const { value, header } = await ask('POST', 'heartbeats', heartbeatReply, body);
      return { sequence: value.sequence, wantsWhole: value.whole, ...saidBeside(header) };
    },
    async proposals(after) {
      const query = after === null ? '' : `?after=${encodeURIComponent(after)}`;
      return (await ask('GET', `proposals/mine${query}`, minesReply)).value;
    },
    async answerProposals(answers) {
      return (await ask('POST', 'proposals/answers', answersReply, { answers })).value;
    },
    async template(name) {
      return (await ask('GET', `policies/offered?name=${encodeURIComponent(name)}`, offeredReply)).value
        .template;
    },
    listen: (on, signal) =>
      listenTo(
        options.server,
        () => signToken(options, boot),
        on,
        signal,
        options.network,
        options.connection,
      ),
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

/** The last word to a server that this install leaves; the old credential says it. Errors: transport/*, enrolment/identity-lost. */
export async function sayGoodbye(options: ServerChannelOptions, to: string): Promise<void> {
  const url = `${options.server}/api/v1/instances/leave`;
  const token = await signToken(options, randomUUID());
  await askJson(options.http, { method: 'POST', url, body: { to }, token }, leaveReply);
}

function saidBeside(header: (name: string) => string | null): Omit<Sent, 'sequence'> {
  return {
    held: contentDigest.safeParse(header(HELD_HEADER)).data ?? null,
    reads: OPTIONAL_PARTS.filter((part) => (header(READS_HEADER) ?? '').split(',').includes(part)),
    proposals: markIn(header(PROPOSALS_HEADER)),
    twinsHeard: instant.safeParse(header(TWINS_HEADER)).data ?? null,
  };
}

/** An earlier server says nothing, and what is no number says nothing either. */
function markIn(header: string | null): number | null {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

/**
 * RFC 7519 with EdDSA (RFC 8037): the instance speaks for itself, for two minutes. What only fetches does not say which start
 * of the agent it is. `pass` asks for one. Error: enrolment/identity-lost.
 */
export async function signToken(
  options: Pick<ServerChannelOptions, 'instance' | 'clock' | 'identity'>,
  boot: string | null,
  pass?: string,
): Promise<string> {
  const { instance, clock } = options;
  const identity = await options.identity();
  const { SignJWT } = await import('jose/jwt/sign');
  const now = Math.floor(clock.now() / 1000);
  return new SignJWT({ ...(boot === null ? {} : { boot }), ...(pass === undefined ? {} : { pass }) })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(instance)
    .setAudience(AGENT_TOKEN.audience)
    .setIssuedAt(now)
    .setExpirationTime(now + AGENT_TOKEN.lifetimeSeconds)
    .sign({ kty: identity.kty, crv: identity.crv, x: identity.x, d: identity.d, alg: 'EdDSA' });
}
