// TCP probes: somebody listens there.
import { createConnection } from 'node:net';
import type { Probe, ProbeResult } from '../../../ports/prober.ts';

export function askTcp(probe: Probe & { kind: 'tcp' }, limit: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: probe.host, port: probe.port, signal: limit });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ healthy: true, detail: 'connected' });
    });
    socket.once('error', reject);
  });
}
