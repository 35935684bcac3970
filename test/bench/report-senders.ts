// Agents that report: each with a pass of its own, and what they say as whole requests, written before anything is measured.
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { createPasses, type Pass } from '../../agent/adapters/server/pass.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { PASS_HEADER } from '../../shared/protocol/pass.ts';
import { HELD_HEADER } from '../../shared/protocol/report.ts';
import { reportOf } from '../support/reports.ts';
import { idOf } from './agent-token.ts';
import { load, type Rate } from './polls.ts';
import type { Running } from './running-server.ts';

/** So many that none of them meets its quota. */
const SENDERS = 3_000;
const AT_ONCE = 50;
/** More than are answered in one round: none is sent twice. */
const REQUESTS = 60_000;

/** What is sent, and where to; `held` is the digest of the report that the server holds of its sender. */
export type Say = (sequence: number, held: string) => readonly [path: string, body: object];

export const sayAll: Say = (sequence) => ['reports', { ...REPORT, sequence }];

let sequence = 0;

export interface Sender {
  readonly pass: Pass;
  readonly held: string;
}

export async function sendersOf(server: Pick<Running, 'url' | 'privateKey'>): Promise<readonly Sender[]> {
  sequence++;
  const senders: Sender[] = [];
  while (senders.length < SENDERS) {
    const part = Array.from({ length: AT_ONCE }, (_, i) => senderOf(server, senders.length + i));
    senders.push(...(await Promise.all(part)));
  }
  return senders;
}

/** With wrk, for some seconds; `file` holds the requests. */
export function sendTo(url: string, file: string): Promise<Rate> {
  const script = ['-s', join(import.meta.dirname, 'reports.lua')];
  return load(url, undefined, script, { FAIRLEAD_BENCH_REQUESTS: file });
}

/** What wrk sends one after the other; of no sender one out of order. */
export function requestsOf(senders: readonly Sender[], say: Say, count = REQUESTS): string {
  const requests: string[] = [];
  for (let i = 0; i < count; i++) {
    if (i % senders.length === 0) sequence++;
    const { pass, held } = senders[i % senders.length] as Sender;
    const [path, value] = say(sequence, held);
    const body = JSON.stringify(value);
    const headers = { ...pass.headers('POST', `http://x/api/v1/${path}`, utf8(body)), ...ALWAYS };
    const lines = Object.entries({ ...headers, 'content-length': body.length }).map(([k, v]) => `${k}: ${v}`);
    requests.push(`POST /api/v1/${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  }
  return requests.join('\0');
}

const ALWAYS = { host: 'x', 'content-type': 'application/json' };
const COMPONENT = reportOf(1).components;
const REPORT = reportOf(1, { components: Array.from({ length: 5 }, () => COMPONENT).flat() });

/** With a signature, which brings the pass; and a report, which a heartbeat may name. */
async function senderOf(server: Pick<Running, 'url' | 'privateKey'>, instance: number): Promise<Sender> {
  const passes = createPasses({ now: Date.now, monotonic: () => 0 });
  const wanted = passes.request();
  const token = await new SignJWT({ pass: wanted?.point ?? '' })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(idOf(instance))
    .setAudience('fairlead-server')
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(server.privateKey);
  const answer = await fetch(`${server.url}/api/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...REPORT, sequence }),
  });
  passes.take(wanted, answer.headers.get(PASS_HEADER));
  const pass = passes.held();
  if (pass === null) throw new Error(`no pass: ${answer.status}`);
  return { pass, held: answer.headers.get(HELD_HEADER) ?? '' };
}
