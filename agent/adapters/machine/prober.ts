// Health probes on the real machine: HTTP, TCP and commands, each bounded in time and in what it may send back.
import { createConnection } from 'node:net';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { isShortage } from '../../../shared/errors/system-error.ts';
import type { Probe, ProbeResult, Prober } from '../../ports/prober.ts';
import { loadUndici } from '../server/undici-parts.ts';
import { runCommand } from './run-command.ts';

const MAX_BODY_BYTES = 64 * 1024;

export function createProber(): Prober {
  return {
    async probe(probe, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(probe.timeoutMs)]);
      try {
        const { healthy, detail } = await ask(probe, limit);
        return { healthy, detail: sanitizeLine(detail) };
      } catch (error) {
        const detail =
          limit.aborted && !signal.aborted ? `no answer in ${probe.timeoutMs} ms` : reason(error);
        return {
          healthy: false,
          detail: sanitizeLine(detail),
          ...(isShortage(error) ? { starved: true } : {}),
        };
      }
    },
  };
}

function ask(probe: Probe, limit: AbortSignal): Promise<ProbeResult> {
  switch (probe.kind) {
    case 'http':
      return askHttp(probe, limit);
    case 'tcp':
      return askTcp(probe, limit);
    case 'exec':
      return askCommand(probe, limit);
  }
}

/** One fresh connection, no proxy, no redirect followed: what answers must be the service itself. */
async function askHttp(probe: Probe & { kind: 'http' }, limit: AbortSignal): Promise<ProbeResult> {
  const { Agent } = await loadUndici();
  const dispatcher = new Agent({ connections: 1, pipelining: 0 });
  try {
    const { origin, pathname, search } = new URL(probe.url);
    const path = pathname + search;
    const answer = await dispatcher.request({ origin, path, method: 'GET', signal: limit, reset: true });
    const body = await readCapped(answer.body);
    const start = `HTTP ${answer.statusCode}`;
    if (answer.statusCode !== probe.expect) {
      return { healthy: false, detail: `${start} instead of ${probe.expect}: ${body}` };
    }
    if (probe.contains !== null && !body.includes(probe.contains)) {
      return { healthy: false, detail: `${start} without "${probe.contains}": ${body}` };
    }
    return { healthy: true, detail: start };
  } finally {
    await dispatcher.destroy();
  }
}

async function readCapped(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8');
}

function askTcp(probe: Probe & { kind: 'tcp' }, limit: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: probe.host, port: probe.port, signal: limit });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ healthy: true, detail: 'connected' });
    });
    socket.once('error', reject);
  });
}

async function askCommand(probe: Probe & { kind: 'exec' }, limit: AbortSignal): Promise<ProbeResult> {
  const { ending, lastLine } = await runCommand(probe, limit);
  if (ending === 'exit status 0') return { healthy: true, detail: ending };
  return { healthy: false, detail: lastLine === '' ? ending : `${ending}: ${lastLine}` };
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'the probe failed';
  return 'code' in error ? String(error.code) : error.message;
}
