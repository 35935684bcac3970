// A release server as far as enrolment sees it: one root, one code, and a memory of who redeemed it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { formatEnrolment } from '../../shared/protocol/enrolment.ts';

export type Step = 'root' | 'redeem';

export interface EnrolmentServer {
  readonly url: string;
  /** What the vendor sends to the customer. */
  readonly string: string;
  readonly rootBytes: Uint8Array;
  /** Every redemption as received. */
  readonly redeemed: { readonly code: string; readonly publicKey: string; readonly hostname: string }[];
  /** At this step the work is done, and the answer never leaves. */
  losesAnswerAt: Step | null;
  /** Resolves when a request has reached the step at which answers are lost. */
  lost(): Promise<void>;
  rootServed: Uint8Array;
}

const CODE = 'c'.repeat(32);
const INSTANCE = '0f0e0d0c-0b0a-4908-8706-050403020100';

export async function startEnrolmentServer(): Promise<EnrolmentServer> {
  const rootBytes = utf8('{"signed":{"_type":"root"}}');
  const redeemed: EnrolmentServer['redeemed'] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy());
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const step: Step = request.method === 'POST' ? 'redeem' : 'root';
    const answer = step === 'root' ? rootFor(request.url) : await redeem(request);
    if (self.losesAnswerAt === step) {
      for (const resolve of waiting.splice(0)) resolve();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  }

  function rootFor(path: string | undefined): { status: number; body: Uint8Array } {
    const known = path === '/repository/metadata/3.root.json';
    return known ? { status: 200, body: self.rootServed } : { status: 404, body: utf8('{}') };
  }

  async function redeem(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const body = (await json(request)) as EnrolmentServer['redeemed'][number];
    const first = redeemed[0];
    if (body.code !== CODE || (first !== undefined && first.publicKey !== body.publicKey)) {
      return { status: 403, body: JSON.stringify({ error: { message: 'this code was used' } }) };
    }
    redeemed.push(body);
    return { status: 200, body: JSON.stringify({ instance: INSTANCE, name: 'first-customer' }) };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const self: EnrolmentServer = {
    url,
    rootBytes,
    redeemed,
    string: formatEnrolment({ server: url, code: CODE, root: { version: 3, digest: digestOf(rootBytes) } }),
    losesAnswerAt: null,
    lost: () => new Promise((resolve) => waiting.push(resolve)),
    rootServed: rootBytes,
  };
  return self;
}
