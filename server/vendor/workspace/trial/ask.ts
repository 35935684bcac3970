// Asking a service on trial whether it works: one question, one answer, bounded in time.
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createConnection } from 'node:net';
import { sanitizeLine } from '../../../../shared/encoding/text.ts';
import type { TrialCommand, TrialProbe } from '../../core/trial.ts';
import { ending, signalGroup, start, type TrialRoom } from './processes.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** Null when it is well, else what is wrong. */
export async function ask({ ask: question, timeoutMs }: TrialProbe, room: TrialRoom): Promise<string | null> {
  switch (question.kind) {
    case 'http':
      return askHttp(question, timeoutMs);
    case 'tcp':
      return askTcp(question.host, question.port, timeoutMs);
    case 'exec':
      return runToEnd(question, room);
  }
}

/** Null when it ends with 0 in time. */
export async function runToEnd({ exec, timeoutMs }: TrialCommand, room: TrialRoom): Promise<string | null> {
  const child = start(room, exec);
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), timeoutMs);
  try {
    const how = await ending(child);
    return how === 'exit status 0' ? null : `${exec.join(' ')}: ${how}`;
  } finally {
    clearTimeout(timer);
  }
}

type HttpQuestion = TrialProbe['ask'] & { readonly kind: 'http' };

function askHttp({ url, expect, contains }: HttpQuestion, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const request = url.startsWith('https:') ? requestHttps : requestHttp;
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = request(url, { agent: false, signal }, (response) => {
      const status = response.statusCode ?? 0;
      let body = '';
      const answer = () => {
        resolve(judge(status, body, expect, contains));
        sent.destroy();
      };
      // A stream of events has no end: its body matters only where something is looked for in it.
      if (contains === null) return answer();
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
        if (body.includes(contains) || body.length > MAX_BODY_BYTES) answer();
      });
      response.on('end', answer).on('error', answer);
    });
    sent.on('error', (error) =>
      resolve(signal.aborted ? `${url}: no answer in ${timeoutMs} ms` : `${url}: ${error.message}`),
    );
    sent.end();
  });
}

function judge(status: number, body: string, expect: number, contains: string | null): string | null {
  if (status !== expect) return `HTTP ${status} instead of ${expect}`;
  if (contains === null || body.includes(contains)) return null;
  return `HTTP ${status} without "${sanitizeLine(contains, 80)}"`;
}

function askTcp(host: string, port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: timeoutMs });
    const end = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.on('connect', () => end(null));
    socket.on('timeout', () => end(`${host}:${port}: no answer in ${timeoutMs} ms`));
    socket.on('error', (error) => end(`${host}:${port}: ${error.message}`));
  });
}
