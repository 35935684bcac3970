// Command probes: the release's own command, under the service's account, says so by its exit status.
import type { Probe, ProbeResult } from '../../../ports/prober.ts';
import { runCommand } from '../run-command.ts';

export async function askCommand(probe: Probe & { kind: 'exec' }, limit: AbortSignal): Promise<ProbeResult> {
  const { ending, lastLine } = await runCommand(probe, limit);
  if (ending === 'exit status 0') return { healthy: true, detail: ending };
  return { healthy: false, detail: lastLine === '' ? ending : `${ending}: ${lastLine}` };
}
