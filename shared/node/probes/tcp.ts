// Connecting as a probe does: whoever accepts is there.
import { createConnection, type NetConnectOpts } from 'node:net';
import type { Answer } from '../../schema/probes/probe-kind.ts';
import type { Asked } from '../../schema/probes/probes.ts';

export function askTcp({ host, port }: Asked<'tcp'>, limit: AbortSignal): Promise<Answer> {
  return connect({ host, port }, limit);
}

/** Rejects with the system's refusal. */
export function connect(to: NetConnectOpts, limit: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ ...to, signal: limit } as NetConnectOpts);
    socket.once('connect', () => {
      socket.destroy();
      resolve({ healthy: true, detail: 'connected' });
    });
    socket.once('error', reject);
  });
}
